// A kernel in a gateway of an instance, spoken to directly: no agent, no tunnel.
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import WebSocket from 'ws';
import { until } from '../../helpers/until.ts';

const COUNT = `
import time
n = 0
while True:
    n += 1
    with open('count', 'w') as file:
        file.write(str(n))
    time.sleep(0.02)
`;

/** Starts a kernel that counts in the instance's file `count`, from a cell that never ends. */
export async function startCounting(folder: string, address: string): Promise<void> {
  const gateway = `http://${address}:8889`;
  const tokenFile = path.join(folder, 'disk/datalab/gateway/token');
  await until(`the gateway at ${gateway} answers`, () => answers(`${gateway}/api`), 60);
  const token = readFileSync(tokenFile, 'utf8');
  const headers = { authorization: `token ${token}` };
  const reply = await fetch(`${gateway}/api/kernels`, { method: 'POST', headers });
  const { id } = (await reply.json()) as { id: string };
  const socket = new WebSocket(`${gateway.replace('http', 'ws')}/api/kernels/${id}/channels`, {
    headers,
  });
  await once(socket, 'open');
  const header = {
    msg_id: 'count',
    msg_type: 'execute_request',
    session: 's',
    username: '',
    version: '5.3',
  };
  const content = { code: COUNT, silent: false, store_history: false, allow_stdin: false };
  socket.send(
    JSON.stringify({ channel: 'shell', header, parent_header: {}, metadata: {}, content }),
  );
  await until('the kernel counts', () => countOf(folder) > 0);
  socket.terminate();
}

export function countOf(folder: string): number {
  const file = path.join(folder, 'disk/datalab/work/count');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

async function answers(url: string): Promise<boolean> {
  return await fetch(url).then(
    (reply) => reply.ok,
    () => false,
  );
}
