// Everything between a notebook's tab and its kernel, for real: relay, tunnel, IAP relay, agent, gateway, kernel; with two
// ways in it that can be cut, and programs that can be stopped, killed and frozen. The tests of this folder share it.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RelayTimings } from '../../client/relay/timings.ts';
import { RELAY_TIMINGS } from '../../client/relay/timings.ts';
import type { ApiServer } from '../agent/api-server.ts';
import { ACCESS_TOKEN, startApiServer } from '../agent/api-server.ts';
import type { JupyterGateway } from '../helpers/jupyter-gateway.ts';
import { startJupyterGateway } from '../helpers/jupyter-gateway.ts';
import { freePort } from '../helpers/real-gateway.ts';
import { until } from '../helpers/until.ts';
import type { Containers } from './containers.ts';
import { agentContainer, startGatewayContainer } from './containers.ts';
import type { Iap } from './iap.ts';
import { INSTANCE, PROJECT, ZONE, startIap } from './iap.ts';
import type { Program } from '../helpers/program.ts';
import { programOf } from '../helpers/program.ts';
import type { RelayProcessOptions } from './relay-process.ts';
import type { Tab } from './tab.ts';
import { openTab } from './tab.ts';
import type { Way } from './way.ts';
import { openWay } from './way.ts';

export interface World {
  gateway: JupyterGateway;
  iap: Iap;
  /** Between the relay and the IAP relay. */
  nearWay: Way;
  /** Between the IAP relay and the agent. */
  farWay: Way;
  agent: Program;
  relay: Program;
  api: ApiServer;
  /** Of the relay. */
  url: string;
  token: string;
  /** Holds the access token of whoever is signed in. */
  signInFile: string;
  openTab(): Promise<Tab>;
  /** A tab on another machine of the same user, with a relay of its own and a way that is never cut. */
  openTabElsewhere(): Promise<Tab>;
  /** Suspends the machine: agent, gateway and kernels stop where they are, and its connections are dropped. */
  suspend(): Promise<void>;
  resume(): Promise<void>;
  /** For the next test: no tabs, no kernels, ways that are open. */
  clear(): Promise<void>;
  end(): Promise<void>;
}

export interface WorldOptions {
  /** Of the relay, tunnel and all: what takes a second in life takes so much of one here. */
  timeScale: number;
  agentEnvironment?: Record<string, string>;
  /** Without them gateway and agent are processes. */
  containers?: Containers;
}

const TOKEN = 'the-token-of-the-relay';

export async function startWorld(options: WorldOptions): Promise<World> {
  const parts = new AsyncDisposableStack();
  try {
    return await build(options, parts);
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}

async function build(options: WorldOptions, parts: AsyncDisposableStack): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'datalab-test-continuity-'));
  parts.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const [gateway, api, agentPort, relayPort] = await Promise.all([
    startGateway(folder, options),
    startApiServer(),
    freePort(),
    freePort(),
  ]);
  parts.defer(() => gateway.stop());
  parts.defer(() => api.close());
  api.reportIntervalSeconds = 5;
  const farWay = await openWay(() => agentPort);
  parts.defer(() => farWay.close());
  const iap = await startIap(randomBytes(12).toString('hex'));
  parts.defer(() => iap.close());
  const nearWay = await openWay(() => iap.port);
  parts.defer(() => nearWay.close());
  const signInFile = path.join(folder, 'sign-in');
  await writeFile(signInFile, iap.accessToken);
  const agent = agentOf({ gateway, api, port: agentPort, folder, ...options });
  parts.defer(() => agent.end('SIGKILL'));
  const places: RelayPlaces = {
    ...{ relayPort, farPort: farWay.port, nearPort: nearWay.port, signInFile },
    channelsDir: path.join(folder, 'relay'),
  };
  const relay = relayOf(places, options.timeScale);
  parts.defer(() => relay.end('SIGKILL'));
  await Promise.all([agent.start(), relay.start()]);
  await until('the agent is registered', () => api.registrations > 0);
  const url = `http://127.0.0.1:${relayPort}`;
  let tabs = new AsyncDisposableStack();
  parts.defer(() => tabs.disposeAsync());
  const openTabAt = async (address: string) => {
    const tab = await openTab({ url: address, token: TOKEN, timeScale: options.timeScale });
    tabs.defer(() => tab.close());
    return tab;
  };
  return {
    ...{ gateway, iap, nearWay, farWay, agent, relay, api, url, token: TOKEN, signInFile },
    openTab: () => openTabAt(url),
    openTabElsewhere: async () => {
      const port = await freePort();
      const channelsDir = path.join(folder, 'relay elsewhere');
      const other = relayOf(
        { ...places, relayPort: port, nearPort: iap.port, channelsDir },
        options.timeScale,
      );
      parts.defer(() => other.end('SIGKILL'));
      await other.start();
      return openTabAt(`http://127.0.0.1:${port}`);
    },
    ...sleepOf(gateway, agent, iap),
    clear: async () => {
      await tabs.disposeAsync();
      tabs = new AsyncDisposableStack();
      await Promise.all([nearWay.mend(), farWay.mend()]);
      await gateway.shutDownKernels();
    },
    end: () => parts.disposeAsync(),
  };
}

async function startGateway(folder: string, { containers }: WorldOptions): Promise<JupyterGateway> {
  if (!containers) return await startJupyterGateway();
  return await startGatewayContainer(containers.docker, containers.images.gateway, folder);
}

function sleepOf(gateway: JupyterGateway, agent: AgentProgram, iap: Iap) {
  return {
    suspend: async () => {
      await agent.suspend();
      await gateway.suspend();
      iap.dropInstance();
    },
    resume: async () => {
      await gateway.resume();
      await agent.resume();
    },
  };
}

interface AgentPlaces {
  gateway: JupyterGateway;
  api: ApiServer;
  port: number;
  folder: string;
  agentEnvironment?: Record<string, string>;
  containers?: Containers;
}

interface AgentProgram extends Program {
  /** Stops where it is. */
  suspend(): Promise<void>;
  resume(): Promise<void>;
}

function agentOf(places: AgentPlaces): AgentProgram {
  const { gateway, api, port, folder, agentEnvironment, containers } = places;
  const stateDir = path.join(folder, 'agent');
  const environment = {
    AGENT_ADDRESS: '127.0.0.1',
    AGENT_PORT: String(port),
    AGENT_STATE_DIR: stateDir,
    GATEWAY_URL: gateway.url,
    GATEWAY_TOKEN_FILE: gateway.tokenFile,
    API_URL: api.url,
    SESSION_ID: 's1',
    GCE_METADATA_HOST: api.metadataHost,
    ...agentEnvironment,
  };
  if (containers) {
    const { docker, images } = containers;
    const { tokenFile } = gateway;
    return agentContainer(docker, { image: images.agent, stateDir, tokenFile, environment });
  }
  const program = programOf({
    name: 'the agent',
    command: [process.execPath, path.join(import.meta.dirname, '../../agent/bin.ts')],
    environment,
    isReady: (lines) => lines.some((line) => line.includes('front door open')),
  });
  const signal = (name: NodeJS.Signals) => {
    if (program.processId !== undefined) process.kill(program.processId, name);
    return Promise.resolve();
  };
  return Object.assign(program, {
    suspend: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
  });
}

interface RelayPlaces {
  relayPort: number;
  nearPort: number;
  farPort: number;
  channelsDir: string;
  signInFile: string;
}

function relayOf(places: RelayPlaces, timeScale: number): Program {
  const options: RelayProcessOptions = {
    relay: {
      ...{ port: places.relayPort, isPortFixed: true, token: TOKEN, folder: 'a-folder' },
      channelsDir: places.channelsDir,
      timings: scaledTimings(timeScale),
    },
    iapUrl: `ws://127.0.0.1:${places.nearPort}/v4`,
    target: {
      ...{ project: PROJECT, zone: ZONE, instance: INSTANCE, networkInterface: 'nic0' },
      port: places.farPort,
    },
    signInFile: places.signInFile,
    sessionToken: ACCESS_TOKEN,
    pingMilliseconds: 15_000 * timeScale,
    connectMilliseconds: 20_000 * timeScale,
  };
  return programOf({
    name: 'the relay',
    command: [process.execPath, path.join(import.meta.dirname, 'relay-process.ts')],
    environment: { RELAY_OPTIONS: JSON.stringify(options) },
    isReady: (lines) => lines.some((line) => line.startsWith('{"port"')),
  });
}

/** A front-end's confirmation comes from this machine: that takes no longer in life. */
function scaledTimings(timeScale: number): RelayTimings {
  const { confirm, ...others } = RELAY_TIMINGS;
  const scaled = Object.entries(others).map(([name, value]) => [name, value * timeScale]);
  return { ...(Object.fromEntries(scaled) as typeof others), confirm };
}
