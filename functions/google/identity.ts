// Google-signed ID tokens: signature, issuer, audience and expiry are checked here, what the bearer may do in caller.ts.
import type { OAuth2Client } from 'google-auth-library';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { boundedCall, type CallFailure } from './call.ts';

const claims = z.object({
  sub: z.string().min(1),
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
  google: z
    .object({
      compute_engine: z
        .object({
          project_id: z.string(),
          zone: z.string(),
          instance_id: z.string(),
          instance_name: z.string(),
        })
        .optional(),
    })
    .optional(),
});
export type TokenClaims = z.infer<typeof claims>;

export interface Identity {
  /** @throws AppError UNAUTHENTICATED, or UNAVAILABLE when Google's certificates cannot be had */
  verify(token: string, audiences: readonly string[]): Promise<TokenClaims>;
}

export function createIdentity({ identity, callSeconds }: Config): Identity {
  let client: Promise<OAuth2Client> | undefined;
  const load = () => (client ??= loadClient(identity.certsUrl));
  return {
    verify: async (token, audiences) => {
      const loaded = await load();
      const fetchCerts = () => loaded.getFederatedSignonCertsAsync();
      const { certs } = await boundedCall('Google sign-in', callSeconds, fetchCerts, explain);
      const issuers = [...identity.issuers];
      try {
        const ticket = await loaded.verifySignedJwtWithCertsAsync(
          token,
          certs,
          [...audiences],
          issuers,
        );
        return claims.parse(ticket.getPayload());
      } catch {
        // Not with the library's message, nor as the cause: it may hold the token.
        throw refused();
      }
    },
  };
}

async function loadClient(certsUrl: string): Promise<OAuth2Client> {
  const { OAuth2Client } = await import('google-auth-library/build/src/auth/oauth2client.js');
  return new OAuth2Client({ endpoints: { oauth2FederatedSignonPemCertsUrl: certsUrl } });
}

function explain(error: unknown): CallFailure {
  return { message: error instanceof Error ? error.message : 'no certificates' };
}

function refused(): AppError {
  return new AppError(
    'UNAUTHENTICATED',
    'The ID token in Authorization is not accepted: it has expired, is meant for another audience, or is not Google’s. ' +
      'Sign in again (gcloud auth login).',
  );
}
