// The gateway as the agent sees it: passes HTTP requests on with the gateway's token, both ways as they flow; asks it
// how it is. server.ts forwards through it, watch.ts asks, kernel-connection.ts takes the address and the token.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Pool } from 'undici';
import { z } from 'zod';
import { headersToCaller, headersToGateway, jsonAnswer } from './headers.ts';
import type { ListedKernel } from './kernel-record.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';

/** Starting a kernel takes the gateway up to a minute by default, and administrators raise it. */
const ANSWER_TIMEOUT_MILLISECONDS = 300_000;
/** For the agent's own questions. */
const QUESTION_TIMEOUT_MILLISECONDS = 10_000;

/** What callers are told. */
export const GATEWAY_SILENT = 'The gateway does not answer. Try again in a moment.';

/** The last two: its token could not be read. */
const NEVER_SENT = ['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'ENOENT', 'EACCES'];

const kernelList = z.array(
  z.object({
    id: z.string(),
    name: z.string(),
    execution_state: z.string().nullish(),
    last_activity: z.string().nullish(),
  }),
);

/** An answer whose body has arrived. */
export interface GatewayAnswer {
  status: number;
  /** Name and value in turn. */
  headers: string[];
  body: Buffer;
}

export class Gateway {
  readonly url: string;
  readonly #tokenFile: string;
  readonly #pool: Pool;
  readonly #log: Log;

  constructor(url: string, tokenFile: string, log: Log) {
    this.url = url;
    this.#tokenFile = tokenFile;
    this.#pool = new Pool(url, { headersTimeout: ANSWER_TIMEOUT_MILLISECONDS, bodyTimeout: 0 });
    this.#log = log;
  }

  /** Read every time: the file is small, and a gateway that is made anew may have another one. */
  async authorization(): Promise<string> {
    return `token ${(await readFile(this.#tokenFile, 'utf8')).trim()}`;
  }

  /**
   * Passes a request on and its answer back. While the gateway does not answer the caller gets 503: 404 would mean that
   * the kernel is gone, 502 that it is dead.
   * @returns the gateway's status, or `undefined` when there was none.
   */
  async forward(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
  ): Promise<number | undefined> {
    const aborted = new AbortController();
    response.once('close', () => {
      aborted.abort();
    });
    try {
      const answer = await this.#send(request, path, aborted.signal);
      response.writeHead(answer.statusCode, headersToCaller(toRaw(answer.headers)));
      await pipeline(answer.body, response);
      return answer.statusCode;
    } catch (error) {
      this.#fail(request, response, error);
      return undefined;
    }
  }

  /** Changes something, whoever may go away meanwhile. @throws when the gateway does not answer */
  async call(method: 'POST' | 'PATCH', path: string, body: Buffer): Promise<GatewayAnswer> {
    const answer = await this.#pool.request({
      path,
      method,
      headers: { Authorization: await this.authorization(), 'Content-Type': 'application/json' },
      body,
    });
    return {
      status: answer.statusCode,
      headers: headersToCaller(toRaw(answer.headers)),
      body: Buffer.from(await answer.body.arrayBuffer()),
    };
  }

  async isReady(): Promise<boolean> {
    const answer = await this.#ask('/api/kernelspecs');
    await answer.body.dump();
    return answer.statusCode === 200;
  }

  /** What a GET answers, in JSON. @throws when that is not 200, or no JSON */
  async read(path: string): Promise<unknown> {
    const answer = await this.#ask(path);
    if (answer.statusCode === 200) return await answer.body.json();
    await answer.body.dump();
    throw new Error(`the gateway answered ${answer.statusCode}`);
  }

  /** Tells one process of the gateway from the next; `undefined` if this gateway does not say. @throws when it does not answer */
  async startedAt(): Promise<string | undefined> {
    const answer = await this.#ask('/api/status');
    const text = await answer.body.text();
    return answer.statusCode === 200 ? startedIn(text) : undefined;
  }

  async listKernels(): Promise<ListedKernel[]> {
    const answer = await this.#ask('/api/kernels');
    const list = kernelList.parse(await answer.body.json());
    return list.map((kernel) => ({
      id: kernel.id,
      name: kernel.name,
      executionState: kernel.execution_state ?? 'unknown',
      lastActivity: Date.parse(kernel.last_activity ?? '') || 0,
    }));
  }

  /** @throws when the gateway does not say */
  async hasKernel(id: string): Promise<boolean> {
    const answer = await this.#ask(`/api/kernels/${id}`);
    await answer.body.dump();
    if (answer.statusCode === 200) return true;
    if (answer.statusCode === 404) return false;
    throw new Error(`the gateway answered ${answer.statusCode}`);
  }

  /** Ends a kernel or starts it anew; whether the gateway has done so. */
  async endKernel(id: string, isRestart: boolean): Promise<boolean> {
    try {
      return isRestart
        ? await this.#tell('POST', `/api/kernels/${id}/restart`)
        : await this.#tell('DELETE', `/api/kernels/${id}`);
    } catch (error) {
      this.#log.error('kernel not ended', { kernel: id, reason: reasonOf(error) });
      return false;
    }
  }

  /** Has the server end, with its kernels; whether it has heard. Some servers do not take it. */
  async endServer(): Promise<boolean> {
    try {
      return await this.#tell('POST', '/api/shutdown', QUESTION_TIMEOUT_MILLISECONDS);
    } catch (error) {
      this.#log.error('gateway not ended', { reason: reasonOf(error) });
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  /** Whether it has done so. @throws when it does not answer */
  async #tell(
    method: 'POST' | 'DELETE',
    path: string,
    headersTimeout = ANSWER_TIMEOUT_MILLISECONDS,
  ): Promise<boolean> {
    const headers = { Authorization: await this.authorization() };
    const answer = await this.#pool.request({ path, method, headers, headersTimeout });
    await answer.body.dump();
    return answer.statusCode < 300;
  }

  async #send(request: IncomingMessage, path: string, signal: AbortSignal) {
    const hasBody =
      request.headers['transfer-encoding'] !== undefined ||
      Number(request.headers['content-length'] ?? 0) > 0;
    const authorization = await this.authorization();
    return await this.#pool.request({
      path,
      method: request.method ?? 'GET',
      headers: [...headersToGateway(request.rawHeaders), 'Authorization', authorization],
      body: hasBody ? request : null,
      signal,
    });
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.destroyed) return; // The caller has gone; nobody to tell.
    this.#log.error('gateway did not answer', {
      method: request.method,
      reason: reasonOf(error),
    });
    if (response.headersSent) {
      response.destroy(); // Half an answer must not look like a whole one.
      return;
    }
    const { headers, body } = jsonAnswer(503, GATEWAY_SILENT);
    // What is left of the request's body is not read, so the connection cannot be used again.
    response.writeHead(503, { ...headers, Connection: 'close' });
    response.end(body);
  }

  async #ask(path: string) {
    return await this.#pool.request({
      path,
      method: 'GET',
      headers: { Authorization: await this.authorization() },
      headersTimeout: QUESTION_TIMEOUT_MILLISECONDS,
      bodyTimeout: QUESTION_TIMEOUT_MILLISECONDS,
    });
  }
}

/** The gateway was not there to be asked: whatever failed, it has not heard of it. */
export function wasNeverSent(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && NEVER_SENT.includes(code);
}

function startedIn(text: string): string | undefined {
  try {
    return z.object({ started: z.string() }).parse(JSON.parse(text)).started;
  } catch {
    return undefined;
  }
}

function toRaw(headers: Record<string, string | string[] | undefined>): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((one) => [name, one]),
  );
}
