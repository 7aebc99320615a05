// Wires the agent: front door, gate and channels, watch on the gateway, reports to the API, pulse and dead-man's timer.
// bin.ts calls it with the settings.
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Api } from './api.ts';
import { Channels } from './channels.ts';
import type { Clock } from './clock.ts';
import type { Config, SessionRole } from './config.ts';
import { Cpu } from './cpu.ts';
import { Creations } from './creations.ts';
import { DeadMan } from './dead-man.ts';
import { Gate } from './gate.ts';
import { Gateway } from './gateway.ts';
import { Identity } from './identity.ts';
import { KernelHosts } from './kernel-hosts.ts';
import { Kernels } from './kernels.ts';
import type { Log } from './log.ts';
import { isAtRest } from './look.ts';
import { Owner, readAccessToken } from './owner.ts';
import { Pulse } from './pulse.ts';
import type { Observation } from './reporter.ts';
import { Reporter } from './reporter.ts';
import { createFrontDoor } from './server.ts';
import { Unattended } from './unattended.ts';
import { Watch } from './watch.ts';

/** More than the contract allows in a report are not counted. */
const MAX_REPORTED_KERNELS = 500;

export interface AgentDeps {
  clock: Clock;
  log: Log;
  random: () => number;
  /** Of the agent's own release, for the API's record. */
  version: string;
}

export interface Agent {
  /** Where the front door listens. */
  port: number;
  /** Resolves when the machine is to be switched off, which is for the caller to do. */
  switchedOff: Promise<void>;
  stop(): Promise<void>;
}

/** Resolves when the front door is open; registering goes on behind it. */
export async function startAgent(config: Config, deps: AgentDeps): Promise<Agent> {
  const { clock, log } = deps;
  const { role } = config;
  let accessToken = role.kind === 'owner' ? await readAccessToken(role) : undefined;
  const switchedOff = Promise.withResolvers<undefined>();
  const onChange = () => {
    reporter?.changed();
  };
  const gateway = new Gateway(config.gatewayUrl, config.gatewayTokenFile, log);
  const kernels = new Kernels(clock, onChange);
  let wasReady = false;
  const onReadyChanged = () => {
    // The first time after a boot somebody waits for it; a gateway that comes and goes is no reason to hurry.
    if (watch.isReady && !wasReady) reporter?.reportNow();
    else reporter?.changed();
    wasReady ||= watch.isReady;
  };
  const onListed = (ids: ReadonlySet<string>, askedAt: number) => {
    hosts.listed(ids, askedAt);
  };
  const watch = new Watch({ gateway, kernels, clock, log, onListed, onReadyChanged });
  const cpu = new Cpu(clock);
  const gate = new Gate({
    look: (what) => isAtRest({ gateway, kernels, cpu, clock, log }, what),
    clock,
    log,
    onUrgent: () => {
      reporter?.reportNow();
    },
    onSwitchOff: () => {
      // A machine takes everything with it; on somebody's own, the gateway is to end, too.
      const ended = owner ? endGateway(gateway, kernels.livingIds) : Promise.resolve();
      void ended.then(() => {
        switchedOff.resolve(undefined);
      });
    },
  });
  const deadMan = new DeadMan(clock.awake());
  const owner = role.kind === 'owner' ? new Owner({ role, deadMan, kernels, clock }) : undefined;
  const unattended = new Unattended({
    ...{ deadMan, kernels, cpu, clock, log },
    onForgotten: () => {
      gate.forgotten();
    },
  });
  const pulse = new Pulse({
    clock,
    onBeat: () => {
      gate.tick();
      owner?.beat();
      unattended.beat();
    },
    onWake: () => {
      log.info('woken', { wake: pulse.wakes });
      deadMan.begin(clock.awake());
      gate.woke();
      reporter?.woke();
      watch.look();
    },
  });
  const observe = (): Observation => ({
    wake: pulse.wakes,
    gatewayReady: watch.isReady,
    kernels: kernels.activities().slice(0, MAX_REPORTED_KERNELS),
  });
  const reporter =
    role.kind === 'session'
      ? new Reporter({
          api: apiOf(role, clock),
          agentVersion: deps.version,
          bootId: randomUUID(),
          ...{ observe, gate, clock, log, random: deps.random },
          onRegistered: (token) => {
            accessToken = token;
          },
          onReached: (deadManSeconds) => {
            deadMan.reached(deadManSeconds, clock.awake());
          },
        })
      : undefined;
  const hosts = new KernelHosts({
    ...{ stateDir: config.stateDir, logBytes: config.logBytes },
    ...{ gateway, kernels, gate, clock, log },
  });
  const channels = new Channels({ hosts, gate, clock, log });
  const server = createFrontDoor({
    accessToken: () => accessToken,
    onAsked: () => {
      // Also in the middle of the last look: whoever asks now is going to use it.
      if (owner?.asked()) gate.use();
    },
    activity: owner && observe,
    gateway,
    gate,
    channels,
    creations: new Creations(config.stateDir, gateway, clock),
    onKernelsTouched: () => {
      watch.look();
    },
    onRestarting: (kernelId) => {
      hosts.get(kernelId)?.restarting();
    },
    onRestarted: (kernelId, isDone) => {
      if (isDone) kernels.restarted(kernelId);
      return hosts.get(kernelId)?.restarted(isDone);
    },
  });

  const port = await listen(server, config);
  log.info('front door open', { address: config.address, port });
  pulse.start();
  watch.look();
  const reporting = reporter?.run();
  return {
    port,
    switchedOff: switchedOff.promise,
    stop: async () => {
      pulse.stop();
      watch.stop();
      reporter?.stop();
      server.close();
      await channels.close();
      server.closeAllConnections();
      await gateway.close();
      await reporting;
    },
  };
}

/** A server that does not end when it is asked is left without kernels. */
async function endGateway(gateway: Gateway, kernelIds: readonly string[]): Promise<void> {
  if (await gateway.endServer()) return;
  for (const id of kernelIds) await gateway.endKernel(id, false);
}

function apiOf({ apiUrl, sessionId, metadataHost }: SessionRole, clock: Clock): Api {
  return new Api(apiUrl, sessionId, new Identity(metadataHost, apiUrl, clock));
}

async function listen(server: Server, config: Config): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}
