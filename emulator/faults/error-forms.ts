// Errors as each service words them: Compute Engine with `errors`, newer APIs with `status` and `details`, the
// registry, sign-in and the metadata server in forms of their own.
import { GoogleError, renderGoogleError, STATUS_WORDS } from '../google-error.ts';
import { json, type Reply } from '../router.ts';
import type { Service } from './service.ts';

export interface ServiceError {
  status: number;
  reason: string;
  message?: string | undefined;
}

const USAGE_REASONS = ['rateLimitExceeded', 'userRateLimitExceeded', 'quotaExceeded'];

export function renderError(service: Service | undefined, error: ServiceError): Reply {
  const { status, reason } = error;
  const message = error.message ?? `The emulator was asked for this failure (${reason}).`;
  switch (service) {
    case 'registry':
      return json({ errors: [{ code: upperSnake(reason), message }] }, status);
    case 'oidc':
      return json({ error: upperSnake(reason).toLowerCase(), error_description: message }, status);
    case 'metadata':
      return { status, headers: { 'metadata-flavor': 'Google' }, body: `${message}\n` };
    case 'compute':
    case undefined: {
      const domain = USAGE_REASONS.includes(reason) ? 'usageLimits' : 'global';
      const failure = new GoogleError(status, reason, message, { entry: { domain } });
      return json(renderGoogleError(failure), status);
    }
    case 'cloudbuild':
    case 'pubsub':
    case 'logging':
    case 'iap':
    case 'scheduler': {
      const info = {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: upperSnake(reason),
        domain: 'googleapis.com',
        metadata: { service: `${service}.googleapis.com` },
      };
      const word = STATUS_WORDS[status] ?? 'UNKNOWN';
      return json({ error: { code: status, message, status: word, details: [info] } }, status);
    }
    default:
      throw new Error(`not handled: ${String(service satisfies never)}`);
  }
}

/** `rateLimitExceeded` is RATE_LIMIT_EXCEEDED in newer APIs. */
function upperSnake(reason: string): string {
  return reason.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}
