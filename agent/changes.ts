// Requests that change kernels: they wait at the gate, and the machine does not sleep before they are answered. server.ts
// hands them over once their caller is known; those that make kernels go on to creations.ts, the rest to gateway.ts.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { IDEMPOTENCY_HEADER, POSITION_HEADER } from './channel/frames.ts';
import type { Creations } from './creations.ts';
import type { Gate } from './gate.ts';
import { GATE_SHUT } from './gate.ts';
import type { Gateway, GatewayAnswer } from './gateway.ts';
import { GATEWAY_SILENT } from './gateway.ts';
import type { Route } from './headers.ts';
import { jsonAnswer, withoutBodyHeaders } from './headers.ts';
import { UnsettledError } from './made-before.ts';

const MAX_KEY_LENGTH = 256;
const MAX_BODY_BYTES = 1_048_576;

export interface ChangeOptions {
  gateway: Gateway;
  gate: Gate;
  creations: Creations;
  /** The gateway has answered a request that may have changed its kernels. */
  onKernelsTouched: () => void;
  /** A kernel is about to be started anew. */
  onRestarting: (kernelId: string) => void;
  /** It was, or was not; where in its log that stands. */
  onRestarted: (kernelId: string, isDone: boolean) => number | undefined;
}

export interface Refusal {
  status: number;
  message: string;
}

export async function passChange(
  options: ChangeOptions,
  request: IncomingMessage,
  response: ServerResponse,
  route: Route,
): Promise<void> {
  if (route.isInterrupt && !options.gate.isOpen) {
    // Delivered later it would hit another cell.
    refuse(response, { status: 503, message: GATE_SHUT });
    return;
  }
  const leave = await options.gate.admitRequest(endOf(response));
  if (leave === undefined) {
    refuse(response, { status: 503, message: GATE_SHUT });
    return;
  }
  try {
    const status = await pass(options, request, response, route);
    const isDone = status !== undefined && status < 400;
    if (isDone) options.onKernelsTouched();
  } finally {
    leave();
  }
}

/** @returns the gateway's status, if there was one */
async function pass(
  options: ChangeOptions,
  request: IncomingMessage,
  response: ServerResponse,
  route: Route,
): Promise<number | undefined> {
  const { creations } = options;
  const { path, restartOf, isCollection, isNotebookSession } = route;
  const { method } = request;
  if (method === 'POST' && restartOf !== undefined) {
    return await restart(options, request, response, { path, kernelId: restartOf });
  }
  const given = keyOf(request);
  if (method === 'POST' && isCollection) {
    // One that has no key cannot be repeated, but what it makes is known.
    const key = given ?? randomUUID();
    return await outlive(request, response, (body) =>
      creations.create({ key, method, path, body }),
    );
  }
  if (method === 'PATCH' && isNotebookSession && given !== undefined) {
    return await outlive(request, response, (body) =>
      creations.create({ key: given, method, path, body }),
    );
  }
  return await options.gateway.forward(request, response, path);
}

/** The answer says where in the kernel's log it stands: what its caller sends afterwards is sent in its knowledge. */
async function restart(
  options: ChangeOptions,
  request: IncomingMessage,
  response: ServerResponse,
  { path, kernelId }: { path: string; kernelId: string },
): Promise<number | undefined> {
  const { gateway, onRestarting, onRestarted } = options;
  return await outlive(request, response, async (body) => {
    onRestarting(kernelId);
    const answer = await gateway.call('POST', path, body).catch((error: unknown) => {
      onRestarted(kernelId, false);
      throw error;
    });
    const position = onRestarted(kernelId, answer.status < 400);
    const own = position === undefined ? [] : [POSITION_HEADER, String(position)];
    return { ...answer, headers: [...answer.headers, ...own] };
  });
}

/** Does what is asked for to its end, whoever goes away once all of it has come. */
async function outlive(
  request: IncomingMessage,
  response: ServerResponse,
  act: (body: Buffer) => Promise<GatewayAnswer>,
): Promise<number | undefined> {
  try {
    const body = await readBody(request);
    if (body === undefined) {
      refuse(response, { status: 413, message: 'This is too large for a kernel.' });
      return undefined;
    }
    const answer = await act(body);
    if (!response.destroyed) {
      const length = ['Content-Length', String(answer.body.length)];
      const headers = withoutBodyHeaders(answer.headers);
      response.writeHead(answer.status, [...headers, ...length]).end(answer.body);
    }
    return answer.status;
  } catch (error) {
    const message = error instanceof UnsettledError ? error.message : GATEWAY_SILENT;
    refuse(response, { status: 503, message });
    return undefined;
  }
}

/** @returns undefined if it is too long. @throws when it breaks off */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function keyOf({ headers }: IncomingMessage): string | undefined {
  const key = headers[IDEMPOTENCY_HEADER];
  return typeof key === 'string' && key !== '' && key.length <= MAX_KEY_LENGTH ? key : undefined;
}

function endOf(response: ServerResponse): AbortSignal {
  const end = new AbortController();
  response.once('close', () => {
    end.abort();
  });
  return end.signal;
}

/** What is left of the request's body is not read, so the connection cannot be used again. */
export function refuse(response: ServerResponse, { status, message }: Refusal): void {
  if (response.destroyed) return;
  const { headers, body } = jsonAnswer(status, message);
  response.writeHead(status, { ...headers, Connection: 'close' });
  response.end(body);
}
