// Why a server could not be reached, in words for a person: what the codes of Node.js and undici mean. For the API's
// failures and those of signing in.
import { messageOf } from '../errors.ts';

/** Codes of certificates that are not accepted, whatever is done again. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|SSL|EPROTO/;

const REASONS: Record<string, string> = {
  ENOTFOUND: 'its name is not known (DNS)',
  EAI_AGAIN: 'its name cannot be looked up now (DNS)',
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ETIMEDOUT: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no answer in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'no answer in time',
  ENETUNREACH: 'this machine has no network to it',
  EHOSTUNREACH: 'this machine has no way to it',
};

/** @param now the wall clock, for certificates that have expired, or seem to */
export function whyUnreachable(error: unknown, now: number): string {
  const code = codeOf(error);
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time';
  if (/EXPIRED|NOT_YET_VALID/.test(code)) {
    const time = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
    return `its TLS certificate is not valid at this machine's time, ${time} (${code}); is the clock right?`;
  }
  if (CERTIFICATE.test(code)) {
    return (
      `its TLS certificate is not accepted (${code}); where a proxy reads the traffic, ` +
      'NODE_EXTRA_CA_CERTS must name the file with its certificate'
    );
  }
  return REASONS[code] ?? messageOf(error);
}

/** A certificate that is refused now is refused in a second too. */
export function isPassing(error: unknown): boolean {
  return !CERTIFICATE.test(codeOf(error));
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  // One of several addresses, or what undici has wrapped.
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return codeOf(first ?? error.cause);
}
