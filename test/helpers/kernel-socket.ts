// The least of a Jupyter front-end: runs code in a kernel over its WebSocket and waits for what it prints.
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';

interface KernelMessage {
  msg_type: string;
  parent_header: { msg_id?: string };
  content: { execution_state?: string; text?: string; data?: Record<string, string> };
}

export async function openKernelSocket(url: string, options: ClientOptions): Promise<WebSocket> {
  const socket = new WebSocket(url, options);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return socket;
}

/** @returns what the code printed and its result, as text */
export function execute(socket: WebSocket, code: string): Promise<string> {
  const id = randomUUID();
  let output = '';
  const done = new Promise<string>((resolve, reject) => {
    socket.once('close', () => {
      reject(new Error('the WebSocket ended'));
    });
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as KernelMessage;
      if (message.parent_header.msg_id !== id) return;
      output += message.content.text ?? message.content.data?.['text/plain'] ?? '';
      if (message.content.execution_state === 'idle') resolve(output);
    });
  });
  const header = {
    msg_id: id,
    msg_type: 'execute_request',
    username: '',
    session: id,
    date: '',
    version: '5.3',
  };
  const content = {
    code,
    silent: false,
    store_history: true,
    user_expressions: {},
    allow_stdin: false,
  };
  socket.send(
    JSON.stringify({
      header,
      parent_header: {},
      metadata: {},
      content,
      channel: 'shell',
      buffers: [],
    }),
  );
  return done;
}
