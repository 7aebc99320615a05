// The relay: what a browser or any other Jupyter front-end talks to, on 127.0.0.1. It only wires: guard.ts says who may
// pass, routes.ts where to, to-agent.ts, to-ui.ts and sockets.ts take it there.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import type { AgentAccess } from './agent-link.ts';
import { AgentLink } from './agent-link.ts';
import { LastAnswers } from './last-answers.ts';
import type { Doorway } from './guard.ts';
import { cookieName, judge } from './guard.ts';
import { listen } from './ports.ts';
import { replyError, replyWelcome } from './replies.ts';
import { Reads } from './reads.ts';
import { routeRequest } from './routes.ts';
import { Channels } from './channel/channels.ts';
import type { RelayTimings } from './timings.ts';
import { RELAY_TIMINGS } from './timings.ts';
import { Sockets } from './sockets.ts';
import { sendToAgent } from './to-agent.ts';
import type { Proof, UiAccess } from './to-ui.ts';
import { UiLink } from './to-ui.ts';
import { splitUrl } from './url.ts';
import { assertNever } from '../errors.ts';
import { onWake } from './wake.ts';

export interface RelayOptions {
  port: number;
  /** Taken: an error if true, otherwise the next free one. */
  isPortFixed: boolean;
  /** What front-ends must bear. */
  token: string;
  /** Digests of earlier relays' tokens, whose pages may come back; see session/earlier-relays.ts. */
  earlierTokens?: readonly string[];
  /** Stands for the content directory in the paths of notebook sessions; different for every directory. */
  folder: string;
  agent: AgentAccess;
  /** Undefined: only the agent's paths are served. */
  ui: UiAccess | undefined;
  clock: Clock;
  /** Where channels are kept, so that they outlive the relay; only one relay at a time may use it. */
  channelsDir: string;
  timings?: Partial<RelayTimings> | undefined;
  /** Told when the way to the gateway comes up or goes down, as requests find out. */
  onState?: (state: 'up' | 'down') => void;
  /** Told of what only a person can mend: an agent of another version. */
  onTrouble?: (words: string) => void;
  /** Told about requests that failed through a bug here. */
  onBug?: (error: unknown) => void;
}

export interface Relay {
  /** The first page, with the token. */
  url: string;
  origin: string;
  port: number;
  token: string;
  /** Resolves when the agent answers, and tells `onState`. @throws AgentDownError */
  probe(): Promise<void>;
  close(): Promise<void>;
}

interface Ways {
  door: Doorway;
  agent: AgentLink;
  channels: Channels;
  lastAnswers: LastAnswers;
  reads: Reads;
  ui: UiLink | undefined;
  folder: string;
}

/** How long front-ends have to answer the goodbye: what a page sends until it knows must not go into nothing. */
const GOODBYE_MILLISECONDS = 2_000;

/** @throws PortError if there is no port to listen on */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  // Cookies know no ports, so every local server's come along: node's limit of 16 KiB is soon reached.
  const server = createServer({
    maxHeaderSize: 65_536,
    requestTimeout: 0,
    // Some clients offer HTTP/2 with every request (`Upgrade: h2c`); that is ignored, as Jupyter does.
    shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
  });
  server.keepAliveTimeout = 60_000;
  const connections = trackConnections(server);
  const port = await listen(server, options);
  const ways = makeWays(options, port);
  const sockets = new Sockets({ ...ways, clock: options.clock });
  serve(server, ways, sockets, options.onBug);
  const stopWatching = onWake(options.clock, Date.now, () => {
    ways.agent.renew();
  });
  const origin = `http://127.0.0.1:${port}`;
  const { token } = options;
  return {
    url: `${origin}${options.ui?.startPath ?? '/'}?token=${encodeURIComponent(token)}`,
    origin,
    port,
    token,
    probe: () => ways.agent.probe(),
    close: once(async () => {
      const closed = new Promise<void>((resolve) =>
        server.close(() => {
          resolve();
        }),
      );
      stopWatching();
      sockets.close();
      server.closeIdleConnections();
      options.clock.after(GOODBYE_MILLISECONDS, () => {
        for (const connection of connections) connection.destroy();
      });
      await closed;
      await Promise.all([ways.agent.close(), ways.ui?.close()]);
    }),
  };
}

function makeWays(options: RelayOptions, port: number): Ways {
  const { agent, clock, token, ui, onState, onTrouble } = options;
  const timings = { ...RELAY_TIMINGS, ...options.timings };
  const link = new AgentLink({
    ...{ agent, clock, timings, onTrouble },
    onState: onState ?? (() => undefined),
  });
  const { channelsDir } = options;
  const folder = options.folder.replace(/\/+$/, '');
  const lastAnswers = new LastAnswers();
  const { silence } = timings;
  return {
    door: { port, token, earlier: options.earlierTokens ?? [] },
    agent: link,
    lastAnswers,
    reads: new Reads({ link, folder, lastAnswers, clock, silence }),
    channels: new Channels({
      ...{ channelsDir, agent: link, clock, timings },
      ...{ now: Date.now, random: Math.random },
    }),
    ui: ui && new UiLink(ui, cookieName(port)),
    folder,
  };
}

function serve(server: Server, ways: Ways, sockets: Sockets, onBug?: (error: unknown) => void) {
  const report = onBug ?? (() => undefined);
  server.on('request', (request, response) => {
    answer(request, response, ways).catch((error: unknown) => {
      // The front-end went away or the other side broke off in the middle: neither is a bug.
      if (!response.destroyed) report(error);
      replyError(response, 503, 'The relay could not pass this on. Try again.');
    });
  });
  server.on('upgrade', (request, stream, head) => {
    sockets.accept(request, stream, head).catch((error: unknown) => {
      report(error);
      stream.destroy();
    });
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, ways: Ways) {
  const { url = '', method = 'GET', headers } = request;
  const verdict = judge({ method, url, headers, isWebSocket: false }, ways.door);
  switch (verdict.kind) {
    case 'refused':
      replyError(response, verdict.status, verdict.message);
      return;
    case 'welcome':
      replyWelcome(response, verdict, headers['sec-fetch-site'] === 'cross-site');
      return;
    case 'admitted':
      await passOn(request, response, ways, verdict.by);
      return;
    default:
      assertNever(verdict);
  }
}

async function passOn(request: IncomingMessage, response: ServerResponse, ways: Ways, by: Proof) {
  const { path } = splitUrl(request.url ?? '/');
  const route = routeRequest(request.method ?? 'GET', path, ways.ui !== undefined);
  switch (route.to) {
    case 'agent':
      await sendToAgent(request, response, route, {
        link: ways.agent,
        folder: ways.folder,
        lastAnswers: ways.lastAnswers,
        reads: ways.reads,
        onPosition: (kernelId, position) => {
          ways.channels.learn(kernelId, position);
        },
      });
      return;
    case 'ui':
      await ways.ui?.send(request, response, by);
      return;
    case 'nowhere':
      replyError(response, 404, NO_UI);
      return;
    default:
      assertNever(route);
  }
}

const NO_UI =
  'There are no pages here: datalab-client runs as `connect` or with --ui none. ' +
  'Kernels are at /api/kernels, /api/kernelspecs and /api/sessions.';

function trackConnections(server: Server): Set<Socket> {
  const connections = new Set<Socket>();
  server.on('connection', (connection) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });
  return connections;
}

function once(action: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => (result ??= action());
}
