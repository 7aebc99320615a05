// The least of a Jupyter front-end: runs code in a kernel over its WebSocket and waits for what it prints.
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';
import { inTime } from './in-time.ts';

/** A kernel that has just been asked for may have to start, on a machine that is at work. */
const OPEN_SECONDS = 90;
const CELL_SECONDS = 90;

interface KernelMessage {
  msg_type: string;
  parent_header: { msg_id?: string };
  content: { execution_state?: string; text?: string; data?: Record<string, string> };
}

export async function openKernelSocket(url: string, options: ClientOptions): Promise<WebSocket> {
  const socket = new WebSocket(url, options);
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  try {
    await inTime(`the WebSocket ${url} to open`, opened, OPEN_SECONDS);
  } catch (error) {
    socket.terminate();
    throw error;
  }
  return socket;
}

/**
 * @returns what the code printed and its result, as text
 * @throws when the kernel does not say in time that it is idle again: with what it has said
 */
export function execute(socket: WebSocket, code: string, seconds = CELL_SECONDS): Promise<string> {
  const id = randomUUID();
  let output = '';
  const heard: string[] = [];
  const done = new Promise<string>((resolve, reject) => {
    socket.once('close', () => {
      reject(new Error('the WebSocket ended'));
    });
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as KernelMessage;
      const isOurs = message.parent_header.msg_id === id;
      const { execution_state: state = '' } = message.content;
      heard.push(`${isOurs ? '' : 'not ours: '}${message.msg_type} ${state}`.trim());
      if (!isOurs) return;
      output += message.content.text ?? message.content.data?.['text/plain'] ?? '';
      if (state === 'idle') resolve(output);
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
  const what = () =>
    `the end of ${JSON.stringify(code)}; heard was ${heard.join(', ') || 'nothing'}`;
  return inTime(what, done, seconds);
}
