// A line on which one message takes longer than a silent agent is waited for.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { it } from 'node:test';
import { WebSocketServer } from 'ws';
import { CHANNEL_SUBPROTOCOL } from '../../../agent/channel/frames.ts';
import type { AgentLink } from '../../../client/relay/agent-link.ts';
import { AgentConnection } from '../../../client/relay/channel/agent-connection.ts';
import { RELAY_TIMINGS } from '../../../client/relay/timings.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { until } from '../../helpers/until.ts';

it('is not given up while bytes of it come, and is when none do', async (t) => {
  const webSockets = new WebSocketServer({
    noServer: true,
    // Its pongs wait behind the message.
    autoPong: false,
    handleProtocols: () => CHANNEL_SUBPROTOCOL,
  });
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const carrier = new Promise<Socket>((resolve) => {
    server.on('upgrade', (request, socket: Socket, head) => {
      webSockets.handleUpgrade(request, socket, head, () => {
        resolve(socket);
      });
    });
  });
  const { port } = server.address() as AddressInfo;
  const stream = connect(port, '127.0.0.1');
  const clock = new ManualClock();
  const heard = { isOpen: false, bytes: 0, losses: 0 };
  const agent = {
    openStream: () => Promise.resolve(stream),
    whenUp: () => () => undefined,
    reportUp: () => undefined,
    reportDown: () => undefined,
  };
  const connection = new AgentConnection({
    name: { kernelId: 'k1', session: 's1' },
    agent: agent as unknown as AgentLink,
    ...{ clock, timings: RELAY_TIMINGS, random: () => 0 },
    onOpen: () => {
      heard.isOpen = true;
      connection.proven();
    },
    onText: () => undefined,
    onData: (data) => (heard.bytes += data.length),
    onLost: () => (heard.losses += 1),
    onUnknown: () => undefined,
  });
  t.after(() => {
    connection.end();
    stream.destroy();
    server.close();
    server.closeAllConnections();
  });
  const line = await carrier;
  await until('the handshake', () => heard.isOpen);
  const before = stream.bytesRead;
  // A binary frame of 1000 bytes (RFC 6455, 5.2), of which some come with every ping.
  const frame = Buffer.concat([
    Buffer.from([0x82, 126, 1_000 >> 8, 1_000 & 255]),
    Buffer.alloc(1_000),
  ]);
  for (let sent = 0; sent < frame.length; sent += 100) {
    line.write(frame.subarray(sent, sent + 100));
    const expected = before + Math.min(sent + 100, frame.length);
    await until('some of it has come', () => stream.bytesRead === expected);
    clock.advance(RELAY_TIMINGS.ping);
  }
  await until('all of it has come', () => heard.bytes === 1_000);
  assert.equal(heard.losses, 0);
  line.pause();
  clock.advance(3 * RELAY_TIMINGS.ping);
  await until('it is given up', () => heard.losses === 1);
});
