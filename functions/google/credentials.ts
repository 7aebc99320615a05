// The backend's own Google identity: Application Default Credentials. The library is loaded at the first call.
import type { AuthClient, GoogleAuth } from 'google-auth-library';
import type { Config } from '../config.ts';
import { boundedCall } from './call.ts';
import { explainNoAnswer } from './rest.ts';

type GaxiosOptions = Parameters<AuthClient['request']>[0];

const NAME = 'Google’s credentials';
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/** By deep path: the package's front door loads every kind of credential there is. */
export function lazyGoogleAuth(
  config: Pick<Config, 'callSeconds' | 'projectId'>,
): () => Promise<GoogleAuth> {
  let auth: Promise<GoogleAuth> | undefined;
  return () => (auth ??= load(config));
}

/**
 * On Google's own machines the library asks the metadata server without a time limit, and whoever needs a token waits
 * for the question that is under way: one lost answer would end the backend's calls for as long as the process lives.
 * So the wait for a token is bounded, and after a failure the question is put anew.
 */
async function load({
  callSeconds,
  projectId,
}: Pick<Config, 'callSeconds' | 'projectId'>): Promise<GoogleAuth> {
  const [{ GoogleAuth }, { AuthClient }] = await Promise.all([
    import('google-auth-library/build/src/auth/googleauth.js'),
    import('google-auth-library/build/src/auth/authclient.js'),
  ]);
  // With the project: to find out which it is, the library runs gcloud before it asks for a token.
  const defaultCredentials = () => new GoogleAuth({ scopes: [SCOPE], projectId });
  let present = defaultCredentials();
  const askForToken = async () => {
    const asked = present;
    const answer = asked.getAccessToken();
    // Late is better than never: a slow start must not begin again and again.
    const keep = () => {
      present = asked;
    };
    answer.then(keep, () => undefined);
    try {
      const token = await boundedCall(NAME, callSeconds, () => answer, explainNoAnswer);
      return token ?? '';
    } catch (error) {
      if (present === asked) present = defaultCredentials();
      throw error;
    }
  };
  class BoundedClient extends AuthClient {
    override async getAccessToken() {
      return { token: await askForToken() };
    }

    override async getRequestHeaders() {
      return new Headers({ authorization: `Bearer ${await askForToken()}` });
    }

    override async request<T>(options: GaxiosOptions) {
      const headers = new Headers(options.headers);
      for (const [name, value] of await this.getRequestHeaders()) headers.set(name, value);
      return await this.transporter.request<T>({ ...options, headers });
    }
  }
  return new GoogleAuth({ authClient: new BoundedClient(), projectId });
}
