// The way to a real agent in tests of the relay: what goes to it is seen, and it can be cut.
import { createServer, request as startRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { runAgent } from '../agent/agent-fixture.ts';
import { ACCESS_TOKEN as AGENT_TOKEN } from '../agent/api-server.ts';
import { until } from './until.ts';

export const ACCESS_TOKEN = 'the-access-token';

export interface AgentStandIn {
  /** What the relay takes. */
  access: { connect(): Promise<Duplex>; accessToken: string };
  /** Headers of every request that came, with the URL under `:url`. */
  seen: (IncomingMessage['headers'] & { ':url': string })[];
  /** Ends all connections and refuses new ones until `mend`. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function startAgentStandIn(gateway: {
  port: number;
  token: string;
}): Promise<AgentStandIn> {
  const folder = mkdtempSync(path.join(tmpdir(), 'datalab-test-way-'));
  const tokenFile = path.join(folder, 'token');
  writeFileSync(tokenFile, gateway.token);
  const agent = await runAgent({ url: `http://127.0.0.1:${gateway.port}`, tokenFile });
  const agentPort = Number(new URL(agent.url).port);
  const server = createServer();
  const sockets = new Set<Socket>();
  const seen: AgentStandIn['seen'] = [];
  let isCut = false;
  const isAdmitted = (request: IncomingMessage) => {
    seen.push({ ...request.headers, ':url': request.url ?? '' });
    return request.headers.authorization === `Bearer ${ACCESS_TOKEN}`;
  };
  const headersFor = (request: IncomingMessage) => ({
    ...request.headers,
    authorization: `Bearer ${AGENT_TOKEN}`,
  });

  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (request, response) => {
    if (!isAdmitted(request)) {
      response.writeHead(401).end();
      return;
    }
    const { method, url } = request;
    const onward = startRequest(
      {
        port: agentPort,
        host: '127.0.0.1',
        method,
        path: url ?? '/',
        headers: headersFor(request),
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  server.on('upgrade', (request, socket, head) => {
    if (!isAdmitted(request)) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
      return;
    }
    const onward = connect(agentPort, '127.0.0.1');
    const lines = Object.entries(headersFor(request)).map(([n, v]) => `${n}: ${String(v)}`);
    onward.write([`GET ${request.url ?? ''} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
    onward.write(head);
    socket.pipe(onward).pipe(socket);
    onward.on('error', () => socket.destroy());
    onward.on('close', () => socket.destroy());
    socket.on('close', () => onward.destroy());
  });
  await until('the agent is registered', async () => (await agent.request('/x')).status === 404);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    access: {
      accessToken: ACCESS_TOKEN,
      connect: () => (isCut ? Promise.reject(new Error('the way is cut')) : open(port)),
    },
    seen,
    cut: () => {
      isCut = true;
      end();
    },
    mend: () => {
      isCut = false;
    },
    close: async () => {
      server.close();
      end();
      await agent.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

function open(port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
