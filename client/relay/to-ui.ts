// HTTP to the UI server, over its Unix socket or its port: pages, contents, settings. Called by relay.ts for what routes.ts
// sends here.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import type { UiAddress } from '../jupyter/ui-answers.ts';
import { fromUiHeaders, toUiHeaders } from './headers.ts';
import { replyError } from './replies.ts';
import { goneSignal, hasBody } from './to-agent.ts';
import { withoutToken } from './url.ts';

export interface UiAccess {
  /** Where the UI server is now: one that was started again may be elsewhere. */
  readonly address: UiAddress;
  /** Its first page, such as `/lab` or `/tree`. */
  startPath: string;
}

/** What proved the front-end: see guard.ts. */
export type Proof = 'cookie' | 'header' | 'query';

const UI_DOWN_MESSAGE =
  'The UI server does not answer. If it does not come back, end datalab-client and start it again.';

export class UiLink {
  readonly #ui: UiAccess;
  readonly #cookieName: string;
  readonly #pool: Pool;

  constructor(ui: UiAccess, cookieName: string) {
    this.#ui = ui;
    this.#cookieName = cookieName;
    // The name is in no request: Host passes as the browser sent it. A notebook may take minutes to convert.
    this.#pool = new Pool('http://localhost', {
      connect: (_options, done) => {
        const stream = this.#connect();
        const failed = (error: Error) => {
          done(error, null);
        };
        stream.once('error', failed).once('connect', () => {
          stream.off('error', failed);
          done(null, stream);
        });
      },
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async send(request: IncomingMessage, response: ServerResponse, by: Proof): Promise<void> {
    const answer = await this.#request(request, response, by).catch(() => undefined);
    if (!answer) {
      replyError(response, 503, UI_DOWN_MESSAGE);
      return;
    }
    response.writeHead(answer.statusCode, fromUiHeaders(answer.headers));
    response.flushHeaders();
    await pipeline(answer.body, response);
  }

  headersFor(request: IncomingMessage, by: Proof): string[] {
    const xsrfToken = by === 'cookie' ? undefined : randomBytes(16).toString('hex');
    const { address } = this.#ui;
    const uiToken = 'token' in address ? address.token : undefined;
    return toUiHeaders(request.rawHeaders, { cookieName: this.#cookieName, xsrfToken, uiToken });
  }

  openStream(): Promise<Duplex> {
    return Promise.resolve(this.#connect());
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #connect(): Socket {
    const { address } = this.#ui;
    if ('socketPath' in address) return connect(address.socketPath);
    return connect({ port: address.port, host: '127.0.0.1', noDelay: true });
  }

  #request(
    request: IncomingMessage,
    response: ServerResponse,
    by: Proof,
  ): Promise<Dispatcher.ResponseData> {
    return this.#pool.request({
      method: request.method ?? 'GET',
      path: withoutToken(request.url ?? '/'),
      headers: this.headersFor(request, by),
      body: hasBody(request) ? request : null,
      signal: goneSignal(response),
    });
  }
}
