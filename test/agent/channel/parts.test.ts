// A large message goes in parts, and arrives whole.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { sendInParts } from '../../../agent/channel/parts.ts';
import { until } from '../../helpers/until.ts';

const MIB = 1_048_576;

it('tells of the parts of a large message as they are taken, and of a small one nothing', async (t) => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const coming = once(server, 'connection') as Promise<[WebSocket]>;
  const receiver = new WebSocket(`ws://127.0.0.1:${port}`);
  const [sender] = await coming;
  t.after(() => {
    receiver.terminate();
    server.close();
  });
  const got: Buffer[] = [];
  receiver.on('message', (data: Buffer) => got.push(data));
  const header = Buffer.from('header');
  const large = Buffer.alloc(2 * MIB + 5, 'large');
  let taken = 0;
  const onTaken = () => (taken += 1);
  sendInParts(sender, [header, Buffer.from('small')], onTaken);
  sendInParts(sender, [header, large], onTaken);
  sendInParts(sender, [header, Buffer.alloc(0)], onTaken);
  await until('all have come', () => got.length === 3);
  assert.deepEqual(got.map(String).toSpliced(1, 1), ['headersmall', 'header']);
  assert.ok(got[1]?.equals(Buffer.concat([header, large])));
  assert.equal(taken, 4);
});
