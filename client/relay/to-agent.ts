// HTTP to the agent: passes requests on as streams; what front-ends read again and again goes through reads.ts, what
// changes notebook sessions through session-calls.ts.
// Called by relay.ts for what routes.ts sends here.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Dispatcher } from 'undici';
import { POSITION_HEADER } from '../../agent/channel/frames.ts';
import type { AgentLink } from './agent-link.ts';
import { AgentDownError } from './agent-link.ts';
import { fromAgentHeaders, toAgentHeaders } from './headers.ts';
import type { LastAnswers } from './last-answers.ts';
import type { Reads } from './reads.ts';
import { isRead } from './reads.ts';
import { replyError } from './replies.ts';
import type { Route } from './routes.ts';
import { answerKernel, answerSession } from './session-calls.ts';
import { splitUrl, withoutToken } from './url.ts';
import { assertNever } from '../errors.ts';

export interface ToAgent {
  link: AgentLink;
  /** Stands for the content directory in the paths of notebook sessions. */
  folder: string;
  /** What front-ends get while the way is down. */
  lastAnswers: LastAnswers;
  reads: Reads;
  /** Told where in a kernel's log its restart stands, which whoever asked for it knows of. */
  onPosition?: (kernelId: string, position: number) => void;
}

/**
 * While the gateway cannot be asked, what it last said of kernels and sessions is still said: pages then show them as
 * connecting. Everything else is answered with 503, since to front-ends 404 and 502 mean that the kernel is gone.
 */
export async function sendToAgent(
  request: IncomingMessage,
  response: ServerResponse,
  route: Route & { to: 'agent' },
  target: ToAgent,
): Promise<void> {
  try {
    await send(request, response, route, target);
  } catch (error) {
    if (!(error instanceof AgentDownError)) throw error;
    const { link } = target;
    replyError(response, 503, (link.isResting ? undefined : error.words) ?? link.downMessage);
  }
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  route: Route & { to: 'agent' },
  target: ToAgent,
): Promise<void> {
  const { method = 'GET' } = request;
  if (isRead(method, pathOf(request))) {
    await target.reads.answer(pathOf(request), route.rewriting, response);
    return;
  }
  try {
    await changeOrPassOn(request, response, route, target);
  } finally {
    if (!isReading(request)) target.reads.renew();
  }
}

async function changeOrPassOn(
  request: IncomingMessage,
  response: ServerResponse,
  route: Route & { to: 'agent' },
  target: ToAgent,
): Promise<void> {
  switch (route.rewriting) {
    case 'kernel':
      await answerKernel(request, response, target);
      return;
    case 'oneSession':
      await answerSession(request, response, target);
      return;
    case 'none':
    case 'sessionList':
    case 'kernelList':
      await passOn(request, response, route, target);
      return;
    default:
      assertNever(route.rewriting);
  }
}

async function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  { isInterrupt, restartOf }: Route & { to: 'agent' },
  target: ToAgent,
): Promise<void> {
  const { link, lastAnswers, onPosition } = target;
  const call = {
    method: request.method ?? 'GET',
    path: withoutToken(request.url ?? '/'),
    headers: toAgentHeaders(request.rawHeaders, link.accessToken),
    signal: goneSignal(response),
  };
  if (request.method === 'GET') {
    await answerAsItComes(response, await link.insist({ ...call, body: null }, (answer) => answer));
  } else {
    const body = hasBody(request) ? request : null;
    const answer = await link.request({ ...call, body, isInterrupt });
    const { [POSITION_HEADER]: position } = answer.headers;
    if (restartOf !== undefined && position !== undefined)
      onPosition?.(restartOf, Number(position));
    if (restartOf !== undefined && answer.statusCode === 404) {
      lastAnswers.forget(`/api/kernels/${restartOf}`);
    }
    await answerAsItComes(response, answer);
  }
}

async function answerAsItComes(
  response: ServerResponse,
  answer: Dispatcher.ResponseData,
): Promise<void> {
  const headers = Object.entries(fromAgentHeaders(answer.headers));
  const passed = headers.filter(([name]) => name !== POSITION_HEADER);
  response.writeHead(answer.statusCode, Object.fromEntries(passed));
  response.flushHeaders();
  await pipeline(answer.body, response);
}

function isReading({ method = 'GET' }: IncomingMessage): boolean {
  return ['GET', 'HEAD', 'OPTIONS'].includes(method);
}

function pathOf(request: IncomingMessage): string {
  return splitUrl(request.url ?? '/').path;
}

/** Aborted when the front-end goes away before it has its answer. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    controller.abort();
  });
  return controller.signal;
}

export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || Number(length ?? 0) > 0;
}
