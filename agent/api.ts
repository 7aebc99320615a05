// The agent's two calls to the HTTP API, :register and :report (functions/contract.ts). reporter.ts makes them.
import { Agent, request } from 'undici';
import type { z } from 'zod';
import type { ReportRequest, ReportResponse } from '../functions/contract.ts';
import { errorBody, registerResponse, reportResponse } from '../functions/contract.ts';
import type { Identity } from './identity.ts';

/** A function that starts cold takes some seconds. */
const TIMEOUT_MILLISECONDS = 30_000;

/** The API answered, and not with success. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(`${status}: ${message}`);
    this.status = status;
  }

  /** Asking again, unchanged, will not help: this instance is not, or no longer, the session's. */
  get isRefusal(): boolean {
    return this.status === 401 || this.status === 403 || this.status === 404;
  }
}

export type Registration = z.infer<typeof registerResponse>;

export class Api {
  readonly #sessionUrl: string;
  readonly #identity: Identity;
  #connections = new Agent();

  constructor(apiUrl: string, sessionId: string, identity: Identity) {
    this.#sessionUrl = `${apiUrl}/v1/sessions/${sessionId}`;
    this.#identity = identity;
  }

  async register(agentVersion: string, bootId: string): Promise<Registration> {
    return await this.#call('register', { agentVersion, bootId }, registerResponse);
  }

  async report(report: ReportRequest): Promise<ReportResponse> {
    return await this.#call('report', report, reportResponse);
  }

  /**
   * Ends the calls under way, and makes new connections: after sleep the old ones are dead, and nobody says so
   * before a call on them has timed out.
   */
  reconnect(): void {
    const old = this.#connections;
    this.#connections = new Agent();
    void old.destroy(new Error('the machine has slept'));
  }

  async #call<Schema extends z.ZodType>(
    verb: string,
    body: object,
    schema: Schema,
  ): Promise<z.infer<Schema>> {
    const dispatcher = this.#connections;
    const bearer = `Bearer ${await this.#identity.token(dispatcher)}`;
    const answer = await request(`${this.#sessionUrl}:${verb}`, {
      dispatcher,
      method: 'POST',
      headers: {
        // Twice: the platform strips the signature from the one that it has checked itself.
        Authorization: bearer,
        'X-Serverless-Authorization': bearer,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify(body),
      headersTimeout: TIMEOUT_MILLISECONDS,
      bodyTimeout: TIMEOUT_MILLISECONDS,
    });
    const text = await answer.body.text();
    if (answer.statusCode === 200) return schema.parse(JSON.parse(text));
    if (answer.statusCode === 401) this.#identity.forget();
    throw new ApiError(answer.statusCode, messageOf(text));
  }
}

function messageOf(text: string): string {
  try {
    return errorBody.parse(JSON.parse(text)).error.message;
  } catch {
    return 'no message'; // Not from our API: the platform answers in HTML.
  }
}
