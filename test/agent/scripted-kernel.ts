// A gateway with one kernel behind its WebSocket: answers what the agent asks of it, and otherwise says what the test
// wants it to say.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { Header, Message } from '../../agent/channel/messages.ts';
import { readMessage, writeMessage } from '../../agent/channel/messages.ts';
import { Gateway } from '../../agent/gateway.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

export class ScriptedKernel {
  /** What the agent has sent, its own questions left out. */
  readonly heard: Message[] = [];
  /** Of the agent, the newest last. */
  readonly connections: WebSocket[] = [];

  get connection(): WebSocket {
    const last = this.connections.at(-1);
    if (!last) throw new Error('nobody is connected');
    return last;
  }

  says(channel: string, type: string, content: object, parent?: Header): void {
    const header = { msg_id: randomUUID(), msg_type: type, session: 'process', version: '5.3' };
    const message = { channel, header, content, ...(parent && { parent }) };
    this.connection.send(writeMessage(message));
  }

  prints(text: string): void {
    this.says('iopub', 'stream', { name: 'stdout', text });
  }

  accept(connection: WebSocket): void {
    this.connections.push(connection);
    connection.on('message', (data: Buffer) => {
      const message = readMessage(data);
      if (message.header.msg_type !== 'kernel_info_request') this.heard.push(message);
      else this.#answer(message.header);
    });
  }

  #answer(question: Header): void {
    this.says('iopub', 'status', { execution_state: 'busy' }, question);
    this.says('shell', 'kernel_info_reply', { implementation: 'ipython' }, question);
    this.says('iopub', 'status', { execution_state: 'idle' }, question);
  }
}

/** @returns the kernel and its gateway; gone after the test */
export async function startScriptedKernel(
  t: TestContext,
): Promise<{ kernel: ScriptedKernel; gateway: Gateway }> {
  const kernel = new ScriptedKernel();
  const webSockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  webSockets.on('connection', (connection) => {
    kernel.accept(connection);
  });
  await once(webSockets, 'listening');
  const tokenFile = join(temporaryFolder(t), 'token');
  writeFileSync(tokenFile, 'the-gateway-token\n');
  const { port } = webSockets.address() as AddressInfo;
  const quiet = { info: () => undefined, error: () => undefined };
  const gateway = new Gateway(`http://127.0.0.1:${port}`, tokenFile, quiet);
  t.after(async () => {
    await gateway.close();
    for (const client of webSockets.clients) client.terminate();
    webSockets.close();
    await once(webSockets, 'close');
  });
  return { kernel, gateway };
}
