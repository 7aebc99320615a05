// The agent's connection to the gateway for a kernel, when it ends: what the gateway has said, or is about to say, is heard.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { readMessage, writeMessage } from '../../agent/channel/messages.ts';
import { GatewayLine } from '../../agent/gateway-line.ts';
import { Gateway } from '../../agent/gateway.ts';
import { createLog } from '../../agent/log.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { MachineClock } from './machine-clock.ts';

/** The gateway's end, in the test's hand: each way to a kernel is made when the test says so. */
async function scene(t: TestContext, autoPong = true) {
  const webSockets = new WebSocketServer({
    noServer: true,
    autoPong,
    handleProtocols: ([first]) => first ?? false,
  });
  const server = createServer();
  const waiting: [IncomingMessage, Socket, Buffer][] = [];
  server.on('upgrade', (...upgrade: [IncomingMessage, Socket, Buffer]) => waiting.push(upgrade));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const tokenFile = join(temporaryFolder(t), 'token');
  writeFileSync(tokenFile, 'the token of the gateway');
  const clock = new MachineClock();
  const log = createLog(clock, () => undefined);
  const { port } = server.address() as AddressInfo;
  const gateway = new Gateway(`http://127.0.0.1:${port}`, tokenFile, log);
  const heard: unknown[] = [];
  const line = new GatewayLine({
    ...{ kernelId: 'k1', sessionId: 's1', gateway, clock, log },
    isBusy: () => false,
    onConnected: () => undefined,
    onDisconnected: () => undefined,
    onMessage: (frame) => {
      const message = readMessage(frame);
      heard.push(message.content());
      return message.parent.msg_id;
    },
    onGone: () => undefined,
  });
  t.after(async () => {
    line.close();
    for (const client of webSockets.clients) client.terminate();
    server.close();
    server.closeAllConnections();
    await gateway.close();
  });
  const isAsked = () => until('the agent asks for a connection', () => waiting.length > 0);
  const accept = async (): Promise<WebSocket> => {
    await isAsked();
    const [request, socket, head] = waiting.shift() ?? assert.fail();
    return await new Promise((resolve) => {
      webSockets.handleUpgrade(request, socket, head, resolve);
    });
  };
  return { line, clock, heard, isAsked, accept };
}

const said = (text: string, subject?: string) =>
  writeMessage({
    channel: 'iopub',
    header: { msg_id: text, msg_type: 'stream', session: 'kernel' },
    ...(subject === undefined ? {} : { parent: { msg_id: subject } }),
    content: { name: 'stdout', text },
  });

/** The message id of what the agent asks on a new connection, to see whether it passes messages. */
async function questionOn(gatewayEnd: WebSocket): Promise<string> {
  const [question] = (await once(gatewayEnd, 'message')) as [Buffer];
  return readMessage(question).header.msg_id;
}

it('hears out a gateway that is too busy to say goodbye', async (t) => {
  const { line, clock, heard, accept } = await scene(t);
  const gatewayEnd = await accept();
  gatewayEnd.send(said('the first line', await questionOn(gatewayEnd)));
  await until('it is heard', () => heard.length === 1);
  gatewayEnd.pause();
  const retired = line.retire();
  await turn();
  clock.advance(6_500);
  gatewayEnd.send(said('the last line'));
  gatewayEnd.resume();
  await retired;
  assert.deepEqual(heard.at(-1), { name: 'stdout', text: 'the last line' });
});

it('says goodbye to a gateway that has nothing more to send, since it would forget that', async (t) => {
  const { line, heard, accept } = await scene(t, false);
  const gatewayEnd = await accept();
  gatewayEnd.send(said('the answer', await questionOn(gatewayEnd)));
  await until('it is heard', () => heard.length === 1);
  gatewayEnd.once('close', () => heard.push('goodbye'));
  const pinged = once(gatewayEnd, 'ping') as Promise<[Buffer]>;
  const retired = line.retire();
  const [first] = await pinged;
  gatewayEnd.send(said('what was due'));
  const pingedAgain = once(gatewayEnd, 'ping') as Promise<[Buffer]>;
  gatewayEnd.pong(first);
  const [second] = await pingedAgain;
  gatewayEnd.pong(second);
  await retired;
  assert.deepEqual(heard.slice(1), [{ name: 'stdout', text: 'what was due' }, 'goodbye']);
});

it('hears what the gateway kept for a connection that was being made when the agent ended', async (t) => {
  const { line, heard, isAsked, accept } = await scene(t);
  await isAsked();
  const retired = line.retire();
  const gatewayEnd = await accept();
  const question = await questionOn(gatewayEnd);
  gatewayEnd.once('close', () => heard.push('goodbye'));
  gatewayEnd.send(said('printed while nobody was there'));
  await until('it is heard', () => heard.length === 1);
  gatewayEnd.send(said('the answer', question));
  await retired;
  assert.deepEqual(heard, [
    { name: 'stdout', text: 'printed while nobody was there' },
    { name: 'stdout', text: 'the answer' },
    'goodbye',
  ]);
});

it('goes without a goodbye that does not come, and without a connection that does not', async (t) => {
  for (const isConnected of [true, false]) {
    const { line, clock, isAsked, accept } = await scene(t);
    if (isConnected) {
      const gatewayEnd = await accept();
      await questionOn(gatewayEnd);
      gatewayEnd.pause();
    } else {
      await isAsked();
    }
    const retired = line.retire();
    clock.advance(7_000);
    await turn();
    clock.advance(1_000);
    await retired;
    assert.equal(line.connection, undefined);
  }
});
