// The gateway holds a small message back until the one before it is acknowledged: here a server that does so, too.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { systemClock } from '../../agent/clock.ts';
import { acknowledgeQuickly } from '../../agent/quick-acknowledgement.ts';
import { until } from '../helpers/until.ts';

/** Both ends of a connection; `pongs` counts those that `server` was sent. */
async function connected(t: TestContext) {
  const webSockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(webSockets, 'listening');
  t.after(() => {
    webSockets.close();
  });
  const { port } = webSockets.address() as AddressInfo;
  const coming = once(webSockets, 'connection') as Promise<[WebSocket]>;
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  const [[server]] = await Promise.all([coming, once(client, 'open')]);
  t.after(() => {
    client.terminate();
  });
  const seen = { pongs: 0 };
  server.on('pong', () => (seen.pongs += 1));
  return { client, server, seen };
}

it('answers a message at once, though nobody has asked', async (t) => {
  const { client, server, seen } = await connected(t);
  acknowledgeQuickly(client, systemClock);
  server.send('busy');
  await until('the acknowledgement', () => seen.pongs === 1);
  server.send('idle');
  await until('the acknowledgement of what comes later', () => seen.pongs === 2);
});

it('answers many messages that come together a few times only, the last of them too', async (t) => {
  const { client, server, seen } = await connected(t);
  let arrived = 0;
  const times: (() => void)[] = [];
  acknowledgeQuickly(client, {
    after: (_milliseconds, run) => {
      times.push(run);
      return () => undefined;
    },
  });
  client.on('message', () => (arrived += 1));
  for (let count = 0; count < 100; count += 1) server.send('x');
  await until('all have come', () => arrived === 100 && seen.pongs > 0);
  assert.equal(seen.pongs, 1);
  times.shift()?.();
  await until('the last is acknowledged', () => seen.pongs === 2);
  assert.equal(times.length, 1, 'and then it rests again');
});

it('makes a kernel that answers in three small messages answer without a pause', async (t) => {
  const { client, server } = await connected(t);
  (server as unknown as { _socket: { setNoDelay(isOn: boolean): void } })._socket.setNoDelay(false);
  acknowledgeQuickly(client, systemClock);
  const rounds: number[] = [];
  server.on('message', () => {
    for (const state of ['busy', 'reply', 'idle']) server.send(state);
  });
  for (let round = 0; round < 60; round += 1) {
    const since = performance.now();
    const idle = new Promise<void>((resolve) => {
      client.on('message', function listen(data: Buffer) {
        if (data.toString() !== 'idle') return;
        client.off('message', listen);
        resolve();
      });
    });
    client.send('ask');
    await idle;
    rounds.push(performance.now() - since);
  }
  const quickest = rounds.toSorted((one, other) => one - other).slice(0, 50);
  assert.ok((quickest[25] ?? Infinity) < 30, `the median is ${quickest[25]} ms`);
});
