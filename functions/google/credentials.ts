// The backend's own Google identity: Application Default Credentials. The library is loaded at the first call.
import type { GoogleAuth } from 'google-auth-library';

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/** By deep path: the package's front door loads every kind of credential there is. */
export function lazyGoogleAuth(): () => Promise<GoogleAuth> {
  let auth: Promise<GoogleAuth> | undefined;
  return () => (auth ??= load());
}

async function load(): Promise<GoogleAuth> {
  const { GoogleAuth } = await import('google-auth-library/build/src/auth/googleauth.js');
  return new GoogleAuth({ scopes: [SCOPE] });
}
