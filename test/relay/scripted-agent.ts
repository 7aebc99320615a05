// An agent that answers what the test says: for what a real Jupyter does not do on demand.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { Relay, RelayOptions } from '../../client/relay/relay.ts';
import { startRelay } from '../../client/relay/relay.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { systemClock } from '../../client/clock.ts';

export interface AgentScript {
  answer?: (request: IncomingMessage, response: ServerResponse) => void;
  onSocket?: (socket: WebSocket, request: IncomingMessage) => void;
  /** The agent's choice; by default none, as an old gateway. */
  protocol?: string;
}

export const HEADERS = { authorization: 'token t' };

/** A relay without UI server in front of a scripted agent, both gone after the test. */
export async function relayTo(
  t: TestContext,
  script: AgentScript,
  options: Partial<RelayOptions> = {},
): Promise<Relay> {
  const port = await startScriptedAgent(t, script);
  const relay = await startRelay({
    ...{ port: 0, isPortFixed: false, token: 't', folder: 'f', ui: undefined, clock: systemClock },
    agent: { accessToken: 'a', connect: () => Promise.resolve(connect(port, '127.0.0.1')) },
    channelsDir: temporaryFolder(t),
    // Once, unless a test says otherwise.
    timings: { read: 0, change: 0, create: 0 },
    ...options,
  });
  t.after(async () => {
    const closed = relay.close();
    if (options.clock instanceof ManualClock) options.clock.advance(1_000);
    await closed;
  });
  return relay;
}

async function startScriptedAgent(t: TestContext, script: AgentScript): Promise<number> {
  const server = createServer((request, response) => {
    if (script.answer) script.answer(request, response);
    else response.writeHead(500).end();
  });
  const connections = new Set<Socket>();
  server.on('connection', (connection: Socket) => connections.add(connection));
  const sockets = new WebSocketServer({
    server,
    handleProtocols: () => script.protocol ?? false,
  });
  sockets.on('connection', (socket, request) => script.onSocket?.(socket, request));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    for (const connection of connections) connection.destroy();
  });
  return (server.address() as AddressInfo).port;
}
