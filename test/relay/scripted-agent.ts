// An agent, or a UI server, that answers what the test says: for what a real Jupyter does not do on demand.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
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
  /** Before a WebSocket's handshake: refused with this status, if it is one. */
  refusal?: () => number | undefined;
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

/** A relay whose UI server is scripted; kernels it has none. */
export async function relayToUi(
  t: TestContext,
  script: AgentScript,
  options: Partial<RelayOptions> = {},
): Promise<Relay> {
  const socketPath = path.join(temporaryFolder(t), 'ui');
  await startScripted(t, script, socketPath);
  return await relayTo(t, {}, { ui: { address: { socketPath }, startPath: '/lab' }, ...options });
}

async function startScriptedAgent(t: TestContext, script: AgentScript): Promise<number> {
  return ((await startScripted(t, script)).address() as AddressInfo).port;
}

async function startScripted(
  t: TestContext,
  script: AgentScript,
  socketPath?: string,
): Promise<Server> {
  const server = createServer((request, response) => {
    if (script.answer) script.answer(request, response);
    else response.writeHead(500).end();
  });
  const connections = new Set<Socket>();
  server.on('connection', (connection: Socket) => connections.add(connection));
  const sockets = new WebSocketServer({
    server,
    handleProtocols: () => script.protocol ?? false,
    verifyClient: (_info, decide) => {
      const status = script.refusal?.();
      decide(status === undefined, status);
    },
  });
  sockets.on('connection', (socket, request) => script.onSocket?.(socket, request));
  await new Promise<void>((resolve) => {
    if (socketPath === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(socketPath, resolve);
  });
  t.after(() => {
    server.close();
    for (const connection of connections) connection.destroy();
  });
  return server;
}
