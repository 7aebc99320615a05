// What a user and an agent do in the world of world.ts: ask, wait, register, report.
import { randomUUID } from 'node:crypto';
import { noteReport, registerAgent } from '../../functions/agents.ts';
import {
  GATE_SECONDS,
  type CreateSessionRequest,
  type KernelActivity,
  type ReportRequest,
  type ReportResponse,
  type SessionState,
  type SessionView,
  type Want,
} from '../../functions/contract.ts';
import { reconcile } from '../../functions/reconcile.ts';
import { changeWant, createSession } from '../../functions/sessions.ts';
import type { SessionRecord } from '../../functions/record.ts';
import { stateOf } from '../../functions/session.ts';
import { Killed } from './power-switch.ts';
import type { World } from './world.ts';

export const USER = { subject: '1', email: 'you@example.com', isAdministrator: false };

const MAX_ROUNDS = 400;

export async function create(
  world: World,
  name = 'default',
  request: Partial<CreateSessionRequest> = {},
): Promise<SessionView> {
  return await createSession(USER, { name, ...request }, world.deps);
}

export async function ask(world: World, id: string, want: Want): Promise<SessionView> {
  return await changeWant(USER, id, want, undefined, world.deps);
}

export interface TestAgent {
  bootId: string;
  sequence: number;
  /** Google's start time of the boot that this agent is of. */
  startedAt: string;
  /** What it has just heard about sleep. */
  words?: ReportResponse;
}

/** A kernel as a report shows it. */
export function kernel(
  state: KernelActivity['state'],
  idleSeconds = 0,
  id = 'kernel-1',
): KernelActivity {
  return { id, name: 'python3', state, connections: 1, idleSeconds };
}

/** Reconciles, with time passing, until the session is in `state`; an agent comes up whenever the instance runs. */
export async function driveTo(
  world: World,
  id: string,
  state: SessionState | 'removed',
  options: { isAgentAlive?: boolean; agent?: TestAgent | undefined; seconds?: number } = {},
): Promise<SessionRecord | undefined> {
  const { isAgentAlive = true, seconds = 2.5 } = options;
  let { agent } = options;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const record = await again(() => reconcile(id, world.deps));
    if (record === undefined || stateOf(record) === state) {
      if (record === undefined && state !== 'removed') throw new Error('the session is gone');
      return record;
    }
    world.clock.advance(seconds);
    if (isAgentAlive) agent = await again(() => agentOnce(world, id, agent));
  }
  const record = await world.store.get(id);
  throw new Error(`not ${state} but ${JSON.stringify(record, undefined, 1)}`);
}

/** One round of the agent's life: registers when its machine has booted, then reports. */
async function agentOnce(
  world: World,
  id: string,
  agent: TestAgent | undefined,
): Promise<TestAgent | undefined> {
  const [instance] = await world.compute.findInstances(id);
  if (instance?.status !== 'RUNNING') return agent;
  const startedAt = instance.startedAt ?? '';
  const isSameBoot = agent?.startedAt === startedAt;
  const present: TestAgent = isSameBoot ? agent : { bootId: randomUUID(), sequence: 0, startedAt };
  if (!isSameBoot) await register(world, id, present.bootId);
  await reportAs(world, id, present);
  return present;
}

/** A report of an agent whose kernels are idle: it agrees to whatever sleep it is asked to prepare. */
export async function reportAs(
  world: World,
  id: string,
  agent: TestAgent,
  kernels: KernelActivity[] = [],
): Promise<ReportResponse> {
  agent.sequence += 1;
  const { sleep } = agent.words ?? {};
  const extra: Partial<ReportRequest> =
    sleep?.action === 'prepare'
      ? { sleep: { nonce: sleep.nonce, isAgreed: true, forSeconds: GATE_SECONDS } }
      : {};
  if (sleep?.action === 'switchOff') world.compute.setStatus('TERMINATED');
  const body = { bootId: agent.bootId, wake: 0, sequence: agent.sequence, gatewayReady: true };
  const claims = await claimsOf(world, id);
  agent.words = await noteReport(id, claims, { ...body, kernels, ...extra }, world.deps);
  return agent.words;
}

export async function register(world: World, id: string, bootId: string) {
  const request = { agentVersion: '1', bootId };
  return await registerAgent(id, await claimsOf(world, id), request, world.deps);
}

export async function report(
  world: World,
  id: string,
  bootId: string,
  sequence: number,
  gatewayReady = true,
) {
  const body = { bootId, wake: 0, sequence, gatewayReady, kernels: [] };
  return await noteReport(id, await claimsOf(world, id), body, world.deps);
}

export async function claimsOf(world: World, id: string) {
  const [instance] = await world.compute.findInstances(id);
  return {
    project_id: 'p',
    zone: instance?.zone ?? '',
    instance_id: instance?.id ?? '',
    instance_name: instance?.name ?? '',
  };
}

/** What was killed is done again, as a user, an agent or the next request would. */
export async function again<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return await again(work);
  }
}
