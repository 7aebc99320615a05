// The instance's proof of who it is: a token that Google signs, from the metadata server. api.ts sends it with every call.
import type { Dispatcher } from 'undici';
import { request } from 'undici';
import type { Clock } from './clock.ts';

/** Asked for again this long before it expires. */
const MARGIN_MILLISECONDS = 60_000;
const TIMEOUT_MILLISECONDS = 10_000;

export class Identity {
  readonly #url: string;
  readonly #clock: Pick<Clock, 'now'>;
  #cached: { token: string; expiresAt: number } | undefined;

  /** `audience` is the API's URL, which the token is good for and nothing else. */
  constructor(metadataHost: string, audience: string, clock: Pick<Clock, 'now'>) {
    const query = new URLSearchParams({ audience, format: 'full' }).toString();
    const path = '/computeMetadata/v1/instance/service-accounts/default/identity';
    this.#url = `http://${metadataHost}${path}?${query}`;
    this.#clock = clock;
  }

  async token(dispatcher: Dispatcher): Promise<string> {
    const cached = this.#cached;
    if (cached && this.#clock.now() < cached.expiresAt - MARGIN_MILLISECONDS) return cached.token;
    const token = await this.#fetch(dispatcher);
    this.#cached = { token, expiresAt: expiryOf(token) };
    return token;
  }

  /** The API did not accept it: ask for another one next time. */
  forget(): void {
    this.#cached = undefined;
  }

  async #fetch(dispatcher: Dispatcher): Promise<string> {
    const answer = await request(this.#url, {
      dispatcher,
      headers: { 'Metadata-Flavor': 'Google' },
      headersTimeout: TIMEOUT_MILLISECONDS,
      bodyTimeout: TIMEOUT_MILLISECONDS,
    });
    const body = await answer.body.text();
    if (answer.statusCode === 200) return body.trim();
    throw new Error(`the metadata server answered ${answer.statusCode} for the identity token`);
  }
}

/** From the token's own claims; nobody is convinced by them here. 0, which is never kept, if there is none. */
function expiryOf(token: string): number {
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
    const claims: unknown = JSON.parse(payload);
    if (typeof claims !== 'object' || claims === null || !('exp' in claims)) return 0;
    return typeof claims.exp === 'number' ? claims.exp * 1000 : 0;
  } catch {
    return 0;
  }
}
