// HTTP to the agent: passes requests on as streams; those of notebook sessions go through session-calls.ts.
// Called by relay.ts for what routes.ts sends here.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { POSITION_HEADER } from '../../agent/channel/frames.ts';
import type { AgentLink } from './agent-link.ts';
import { AgentDownError } from './agent-link.ts';
import { fromAgentHeaders, toAgentHeaders } from './headers.ts';
import { replyError } from './replies.ts';
import type { Route } from './routes.ts';
import { answerKernelList, answerSession, answerSessionList } from './session-calls.ts';
import { withoutToken } from './url.ts';
import { assertNever } from '../errors.ts';

export interface ToAgent {
  link: AgentLink;
  /** Stands for the content directory in the paths of notebook sessions. */
  folder: string;
  /** Told where in a kernel's log its restart stands, which whoever asked for it knows of. */
  onPosition?: (kernelId: string, position: number) => void;
}

const RESTART_PATH = /^\/api\/kernels\/([^/]+)\/restart/;

/** Answers 503 whenever the gateway cannot be asked, since to front-ends 404 and 502 mean that the kernel is gone. */
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
    replyError(response, 503, target.link.downMessage);
  }
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  route: Route & { to: 'agent' },
  target: ToAgent,
): Promise<void> {
  switch (route.rewriting) {
    case 'none':
      await passOn(request, response, route.isInterrupt, target);
      return;
    case 'oneSession':
      await answerSession(request, response, target);
      return;
    case 'sessionList':
      await answerSessionList(request, response, target);
      return;
    case 'kernelList':
      await answerKernelList(request, response, target);
      return;
    default:
      assertNever(route.rewriting);
  }
}

async function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  isInterrupt: boolean,
  { link, onPosition }: ToAgent,
): Promise<void> {
  const answer = await link.request({
    method: request.method ?? 'GET',
    path: withoutToken(request.url ?? '/'),
    headers: toAgentHeaders(request.rawHeaders, link.accessToken),
    body: hasBody(request) ? request : null,
    isInterrupt,
    signal: goneSignal(response),
  });
  const { [POSITION_HEADER]: position, ...headers } = fromAgentHeaders(answer.headers);
  const kernelId = RESTART_PATH.exec(request.url ?? '')?.[1];
  if (kernelId !== undefined && position !== undefined) onPosition?.(kernelId, Number(position));
  response.writeHead(answer.statusCode, headers);
  response.flushHeaders();
  await pipeline(answer.body, response);
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
