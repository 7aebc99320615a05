// A Jupyter front-end as a script would be one: a kernel over REST, a cell over its WebSocket.
import { randomUUID } from 'node:crypto';
import { execute, openKernelSocket } from './kernel-socket.ts';

export interface Gateway {
  url: string;
  token: string;
}

export async function newKernel(gateway: Gateway): Promise<string> {
  const reply = await fetch(`${gateway.url}/api/kernels`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.token}` },
  });
  if (!reply.ok) throw new Error(`POST /api/kernels: ${reply.status} ${await reply.text()}`);
  const { id } = (await reply.json()) as { id: string };
  return id;
}

/** What the code prints or answers, run in that kernel. */
export async function run(gateway: Gateway, kernelId: string, code: string): Promise<string> {
  const address = gateway.url.replace('http', 'ws');
  const socket = await openKernelSocket(
    `${address}/api/kernels/${kernelId}/channels?session_id=${randomUUID()}`,
    { headers: { authorization: `Bearer ${gateway.token}` } },
  );
  try {
    return await execute(socket, code);
  } finally {
    socket.close();
  }
}
