// Calls to the agent whose small answers are read to their end before anybody sees them: one that breaks off half-way is
// asked for again. session-calls.ts makes those that change something, reads.ts those that read.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { IDEMPOTENCY_HEADER } from '../../agent/channel/frames.ts';
import type { AgentCall, AgentLink } from './agent-link.ts';
import { AgentDownError } from './agent-link.ts';
import { fromAgentHeaders, toAgentHeaders, without } from './headers.ts';
import { withoutToken } from './url.ts';

/** A list of a thousand sessions is far below this. */
const MAX_ANSWER_BYTES = 16 * 1_048_576;

/** Headers that describe a body which is about to change; an old ETag would answer for another folder's list. */
const OF_THE_BODY = [
  'accept-encoding',
  'content-length',
  'content-encoding',
  'etag',
  'if-none-match',
  'if-modified-since',
  'last-modified',
];

/** An answer whose body has arrived. */
export interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  body: Buffer;
}

const makesKernel = z.object({ kernel: z.object({ id: z.null().optional(), name: z.string() }) });

/**
 * What a front-end asks to be changed, and again while the answer is lost. What makes something bears a key, so that it is
 * made once however often it is asked for.
 */
export async function change(
  request: IncomingMessage,
  link: AgentLink,
  body: Buffer,
): Promise<Answer> {
  const method = request.method ?? 'POST';
  const headers = without(toAgentHeaders(request.rawHeaders, link.accessToken), OF_THE_BODY);
  const isKeyed = method === 'POST' || (method === 'PATCH' && isKernelWanted(body));
  const hasKey = request.headers[IDEMPOTENCY_HEADER] !== undefined;
  const key = isKeyed && !hasKey ? [IDEMPOTENCY_HEADER, randomUUID()] : [];
  let tries = 1;
  const answer = await exchange(
    link,
    {
      method,
      path: withoutToken(request.url ?? '/'),
      headers: [...headers, ...key],
      body: body.length === 0 ? null : body,
    },
    () => {
      tries += 1;
    },
  );
  // The first try may have deleted it before its answer was lost.
  const isDone = isSuccess(answer) || (tries > 1 && answer.status === 404);
  return method === 'DELETE' && isDone ? { ...answer, status: 204, body: Buffer.alloc(0) } : answer;
}

/** @param insistAs how long it is asked again: as long as for this method */
export async function get(path: string, link: AgentLink, insistAs = 'GET'): Promise<Answer> {
  const headers = toAgentHeaders([], link.accessToken);
  return await exchange(link, { method: 'GET', path, headers, insistAs });
}

export function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

/** @throws AgentDownError if that is not what Jupyter answers */
export function understand<T>({ body }: Answer, read: (json: unknown) => T): T {
  try {
    return read(JSON.parse(body.toString()));
  } catch (error) {
    if (!(error instanceof z.ZodError) && !(error instanceof SyntaxError)) throw error;
    throw new AgentDownError('the gateway answered something else than Jupyter does', {
      cause: error,
    });
  }
}

/** @returns undefined if there is more; the stream is then destroyed */
export async function readUpTo(stream: Readable, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += (chunk as Buffer).length;
    if (length > limit) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

async function exchange(
  link: AgentLink,
  call: AgentCall & { body?: Buffer | null },
  onRepeat?: () => void,
): Promise<Answer> {
  return await link.insist(
    call,
    async (answer) => {
      const body = await readUpTo(answer.body, MAX_ANSWER_BYTES).catch((error: unknown) => {
        throw new AgentDownError('the answer broke off', { cause: error });
      });
      if (body === undefined) throw new AgentDownError('the answer is too long');
      const headers = Object.entries(fromAgentHeaders(answer.headers));
      return {
        status: answer.statusCode,
        headers: Object.fromEntries(headers.filter(([name]) => !OF_THE_BODY.includes(name))),
        body,
      };
    },
    onRepeat,
  );
}

/** Another kernel for a session; without a name, or with an id, none is made. */
function isKernelWanted(body: Buffer): boolean {
  try {
    return makesKernel.safeParse(JSON.parse(body.toString())).success;
  } catch {
    return false;
  }
}
