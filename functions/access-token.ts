// The session's access token: HMAC-SHA-256 over (key version, uid, generation), made anew whenever it is asked for.
// Nothing stores it. The owner gets it from :connect, the agent from :register.
import { createHmac } from 'node:crypto';
import type { TokenKeys } from './config.ts';
import { AppError } from './errors.ts';
import type { SessionRecord } from './record.ts';

export function accessTokenOf(
  { keyVersion, uid, generation }: Pick<SessionRecord, 'keyVersion' | 'uid' | 'generation'>,
  keys: TokenKeys,
): string {
  const key = keys.byVersion.get(keyVersion);
  if (!key) {
    throw new AppError(
      'FAILED_PRECONDITION',
      `Key ${keyVersion} of the session tokens is not in SESSION_TOKEN_KEYS any more; ` +
        'delete the session and create it again.',
    );
  }
  return createHmac('sha256', key).update(`${keyVersion}.${uid}.${generation}`).digest('base64url');
}
