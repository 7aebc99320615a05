// The calls whose small JSON bodies the relay changes: notebook sessions, and the kernels that they name.
// to-agent.ts calls it; which paths change and what is hidden is in notebook-sessions.ts.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { IDEMPOTENCY_HEADER } from '../../agent/channel/frames.ts';
import type { AgentCall, AgentLink } from './agent-link.ts';
import { AgentDownError } from './agent-link.ts';
import { fromAgentHeaders, toAgentHeaders, without } from './headers.ts';
import { addFolder, kernelsOfFolder, sessionsOfFolder, stripFolder } from './notebook-sessions.ts';
import type { LastAnswers } from './last-answers.ts';
import { replyError, replyJson } from './replies.ts';
import { splitUrl, withoutToken } from './url.ts';

interface Target {
  link: AgentLink;
  folder: string;
  lastAnswers: LastAnswers;
}

/** A session is a few hundred bytes; a list of a thousand is far below this. */
const MAX_REQUEST_BYTES = 1_048_576;
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

const NOT_FOUND = 'There is no such notebook session in this folder.';

/** POST /api/kernels, and DELETE of a kernel: as they are, and again when the answer is lost. */
export async function answerKernel(
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
): Promise<void> {
  const body = await readUpTo(request, MAX_REQUEST_BYTES);
  if (body === undefined) {
    replyError(response, 413, 'This is too large for a kernel.');
    return;
  }
  const answer = await call(request, target, body);
  response.writeHead(answer.status, answer.headers).end(answer.body);
}

/** POST /api/sessions, and every method of /api/sessions/{id}. */
export async function answerSession(
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
): Promise<void> {
  const { path } = splitUrl(request.url ?? '/');
  const method = request.method ?? 'GET';
  const changesOne = path !== '/api/sessions' && !['GET', 'HEAD', 'OPTIONS'].includes(method);
  if (changesOne && (await isForeign(path, target))) {
    replyError(response, 404, NOT_FOUND);
    return;
  }
  const isTooLong = Number(request.headers['content-length'] ?? 0) > MAX_REQUEST_BYTES;
  const body = isTooLong ? undefined : await readUpTo(request, MAX_REQUEST_BYTES);
  if (body === undefined) {
    replyError(response, 413, 'This is too large for a notebook session.');
    return;
  }
  const rewritten = rewriteRequest(body, target.folder);
  if (rewritten === undefined) {
    replyError(response, 400, 'The body is no notebook session in JSON.');
    return;
  }
  const answer = await call(request, target, rewritten);
  answerWith(request, response, answer, target, (session) => stripFolder(session, target.folder));
}

/** GET /api/sessions: this folder's. */
export async function answerSessionList(
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
): Promise<void> {
  const answer = await call(request, target);
  answerWith(request, response, answer, target, (list) => sessionsOfFolder(list, target.folder));
}

/** GET /api/kernels: without those of other folders' notebooks. */
export async function answerKernelList(
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
): Promise<void> {
  const kernels = await call(request, target);
  // The sessions second: of a kernel that is in the list, its session is then known too.
  const sessions = await get('/api/sessions', target);
  // Without them nobody knows which kernels to hide.
  if (!isSuccess(sessions)) throw new AgentDownError('the notebook sessions could not be listed');
  const list = parseJson(sessions.body);
  answerWith(request, response, kernels, target, (all) =>
    kernelsOfFolder(all, list, target.folder),
  );
}

/** An answer whose body has arrived. */
interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  body: Buffer;
}

async function isForeign(path: string, target: Target): Promise<boolean> {
  const answer = await get(path, target);
  if (!isSuccess(answer)) return false;
  return understand(() => stripFolder(parseJson(answer.body), target.folder)) === undefined;
}

/** @returns undefined if it is no session */
function rewriteRequest(body: Buffer, folder: string): Buffer | undefined {
  if (body.length === 0) return body;
  try {
    return Buffer.from(JSON.stringify(addFolder(JSON.parse(body.toString()), folder)));
  } catch {
    return undefined;
  }
}

/** What makes something bears a key, so that it is made once however often it is asked for. */
async function call(request: IncomingMessage, target: Target, body?: Buffer): Promise<Answer> {
  const method = request.method ?? 'GET';
  const key =
    request.headers[IDEMPOTENCY_HEADER] === undefined ? [IDEMPOTENCY_HEADER, randomUUID()] : [];
  const headers = without(toAgentHeaders(request.rawHeaders, target.link.accessToken), OF_THE_BODY);
  let tries = 1;
  const answer = await exchange(
    target.link,
    {
      method,
      path: withoutToken(request.url ?? '/'),
      headers: method === 'POST' ? [...headers, ...key] : headers,
      body: body === undefined || body.length === 0 ? null : body,
    },
    () => {
      tries += 1;
    },
  );
  if (method !== 'DELETE') return answer;
  // The first try may have done it before its answer was lost.
  const isDone = isSuccess(answer) || (tries > 1 && answer.status === 404);
  if (!isDone) return answer;
  target.lastAnswers.forget(splitUrl(request.url ?? '/').path);
  return { ...answer, status: 204, body: Buffer.alloc(0) };
}

function get(path: string, target: Target): Promise<Answer> {
  const headers = toAgentHeaders([], target.link.accessToken);
  return exchange(target.link, { method: 'GET', path, headers });
}

async function exchange(
  link: AgentLink,
  agentCall: AgentCall & { body?: Buffer | null },
  onRepeat?: () => void,
): Promise<Answer> {
  const answer = await link.insist(agentCall, onRepeat);
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
}

/** `change` returns undefined for what the front-end is not to see. */
function answerWith(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  { lastAnswers }: Target,
  change: (body: unknown) => unknown,
): void {
  const { status, headers, body } = answer;
  if (!isSuccess(answer) || body.length === 0) {
    response.writeHead(status, headers).end(body);
    return;
  }
  const changed = understand(() => change(parseJson(body)));
  if (changed === undefined) {
    replyError(response, 404, NOT_FOUND);
    return;
  }
  if (request.method === 'GET') lastAnswers.remember(splitUrl(request.url ?? '/').path, changed);
  replyJson(response, status, changed, headers);
}

function understand<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new AgentDownError('the gateway answered something else than Jupyter does', {
      cause: error,
    });
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw new AgentDownError('the gateway answered no JSON', { cause: error });
  }
}

/** @returns undefined if there is more; the stream is then destroyed */
async function readUpTo(stream: Readable, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += (chunk as Buffer).length;
    if (length > limit) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function isSuccess(answer: Answer): boolean {
  return answer.status >= 200 && answer.status < 300;
}
