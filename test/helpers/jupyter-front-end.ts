// A Jupyter front-end as a script would be one: a kernel over REST, a cell over its WebSocket.
import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import { fetchInTime } from './in-time.ts';
import { execute, openKernelSocket } from './kernel-socket.ts';

/** A Jupyter server as front-ends know it: our relay, our agent, or a plain one. */
export interface Gateway {
  url: string;
  token: string;
  /** How it wants the token: our own take `Bearer`, jupyter-server 1.23 only knows `token`. */
  scheme?: 'Bearer' | 'token';
}

/** `name`: of its kernelspec; the gateway's own choice without one. */
export async function newKernel(gateway: Gateway, name?: string): Promise<string> {
  const body = name === undefined ? undefined : JSON.stringify({ name });
  const { id } = (await askKernels(gateway, 'POST', body)) as { id: string };
  return id;
}

/** Ids of the kernels that there are. */
export async function kernelsOf(gateway: Gateway): Promise<string[]> {
  return ((await askKernels(gateway, 'GET')) as { id: string }[]).map(({ id }) => id);
}

/** What the code prints or answers, run in that kernel. */
export async function run(gateway: Gateway, kernelId: string, code: string): Promise<string> {
  const socket = await openChannel(gateway, kernelId);
  try {
    return await execute(socket, code);
  } finally {
    socket.close();
  }
}

/** Begins a cell and does not wait for it; what is returned closes the connection, as a laptop that is shut does. */
export async function begin(gateway: Gateway, kernelId: string, code: string): Promise<() => void> {
  const socket = await openChannel(gateway, kernelId);
  socket.on('error', () => undefined);
  execute(socket, code).catch(() => undefined);
  return () => {
    socket.close();
  };
}

async function askKernels(gateway: Gateway, method: string, body?: string): Promise<unknown> {
  const reply = await fetchInTime(`${gateway.url}/api/kernels`, {
    method,
    headers: { authorization: authorizationOf(gateway) },
    ...(body === undefined ? {} : { body }),
  });
  if (reply.status >= 300) throw new Error(`${method} /api/kernels: ${reply.status} ${reply.text}`);
  return JSON.parse(reply.text);
}

function openChannel(gateway: Gateway, kernelId: string): Promise<WebSocket> {
  const address = gateway.url.replace('http', 'ws');
  return openKernelSocket(
    `${address}/api/kernels/${kernelId}/channels?session_id=${randomUUID()}`,
    { headers: { authorization: authorizationOf(gateway) } },
  );
}

function authorizationOf({ token, scheme = 'Bearer' }: Gateway): string {
  return `${scheme} ${token}`;
}
