// The calls that change kernels and notebook sessions, and whose small JSON bodies the relay changes on the way.
// to-agent.ts calls it; which paths change and what is hidden is in notebook-sessions.ts.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './agent-calls.ts';
import { change, get, isSuccess, readUpTo, understand } from './agent-calls.ts';
import type { AgentLink } from './agent-link.ts';
import type { LastAnswers } from './last-answers.ts';
import { addFolder, stripFolder } from './notebook-sessions.ts';
import { NO_SESSION } from './reads.ts';
import { replyError, replyJson } from './replies.ts';
import { splitUrl } from './url.ts';

interface Target {
  link: AgentLink;
  folder: string;
  lastAnswers: LastAnswers;
}

/** A session is a few hundred bytes. */
const MAX_REQUEST_BYTES = 1_048_576;

/** POST /api/kernels, and DELETE of a kernel: as they are, and again when the answer is lost. */
export async function answerKernel(
  request: IncomingMessage,
  response: ServerResponse,
  { link, lastAnswers }: Target,
): Promise<void> {
  const body = await readUpTo(request, MAX_REQUEST_BYTES);
  if (body === undefined) {
    replyError(response, 413, 'This is too large for a kernel.');
    return;
  }
  const answer = await change(request, link, body);
  if (isSuccess(answer) && answer.body.length > 0) {
    understand(answer, (kernel) => {
      lastAnswers.made('/api/kernels', kernel);
    });
  } else forgetIfGone(request, answer, lastAnswers);
  response.writeHead(answer.status, answer.headers).end(answer.body);
}

/** POST /api/sessions, and every method of /api/sessions/{id} that changes it. */
export async function answerSession(
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
): Promise<void> {
  const { path } = splitUrl(request.url ?? '/');
  if (path !== '/api/sessions' && (await isForeign(path, request, target))) {
    replyError(response, 404, NO_SESSION);
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
  answerWith(request, response, await change(request, target.link, rewritten), target);
}

/** Asked for as long as the change itself would be. */
async function isForeign(path: string, request: IncomingMessage, target: Target): Promise<boolean> {
  const answer = await get(path, target.link, request.method);
  if (!isSuccess(answer)) return false;
  return understand(answer, (session) => stripFolder(session, target.folder)) === undefined;
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

function answerWith(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  { lastAnswers, folder }: Target,
): void {
  const { status, headers, body } = answer;
  if (!isSuccess(answer) || body.length === 0) {
    forgetIfGone(request, answer, lastAnswers);
    response.writeHead(status, headers).end(body);
    return;
  }
  const session = understand(answer, (model) => stripFolder(model, folder));
  if (session === undefined) {
    replyError(response, 404, NO_SESSION);
    return;
  }
  lastAnswers.made('/api/sessions', session);
  replyJson(response, status, session, headers);
}

function forgetIfGone({ method, url }: IncomingMessage, answer: Answer, known: LastAnswers): void {
  const isGone = answer.status === 404 || (method === 'DELETE' && isSuccess(answer));
  if (isGone) known.forget(splitUrl(url ?? '/').path);
}
