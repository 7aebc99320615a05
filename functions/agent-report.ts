// What the agent says, as a change of the record (pure): which boot is the present one, and its last report.
import type { registerRequest, ReportRequest } from './contract.ts';
import type { z } from 'zod';
import type { KnownAgent, SessionRecord } from './record.ts';
import { isAtWork, isUsable, phaseOf } from './session.ts';
import { withSleepAnswer } from './sleep.ts';

const MAX_PAST_BOOTS = 8;

/** A new boot supersedes the one before; a late `:register` of a boot that is over changes nothing. */
export function withRegistration(
  record: SessionRecord,
  { bootId, agentVersion }: z.infer<typeof registerRequest>,
): SessionRecord {
  if (record.agent?.bootId === bootId || record.pastBootIds.includes(bootId)) return record;
  const agent = newAgent(record, bootId, agentVersion);
  return { ...withoutAgent(record), agent };
}

/** Reports of past boots and those older than the last one are dropped. */
export function withReport(
  record: SessionRecord,
  report: ReportRequest,
  now: number,
): SessionRecord {
  const agent = agentOf(record, report.bootId);
  if (!agent || (agent.report && !isNewer(report, agent.report))) return record;
  const { wake, sequence, gatewayReady, kernels } = report;
  const next = {
    ...record,
    activeAt: activeAtOf(record, report, now),
    mayHoldKernels: record.mayHoldKernels || gatewayReady,
    agent: { ...agent, report: { wake, sequence, gatewayReady, kernels, receivedAt: now } },
  };
  const answered = report.sleep ? withSleepAnswer(next, report.sleep, now) : next;
  // A slow boot is not a dead one.
  const isHealed = answered.want === 'running' && isUsable(answered);
  return isHealed ? { ...answered, failure: undefined } : answered;
}

/** Idle times are whole seconds and travel; by less than this they say nothing new. */
const SAME_TIME_MILLISECONDS = 2_000;

/** A kernel that waits for input is not at work; the first good report of a boot begins the idle time. */
function activeAtOf(record: SessionRecord, report: ReportRequest, now: number): number {
  const isFirst = report.gatewayReady && !record.mayHoldKernels;
  const times = report.kernels.map((kernel) =>
    isAtWork(kernel) ? now : now - kernel.idleSeconds * 1000,
  );
  const latest = Math.max(...times, isFirst ? now : 0);
  return latest > record.activeAt + SAME_TIME_MILLISECONDS ? latest : record.activeAt;
}

/** The boot is over: the machine is off, or about to start anew. */
export function withoutAgent(record: SessionRecord): SessionRecord {
  const { agent } = record;
  if (!agent) return record;
  const pastBootIds = [...record.pastBootIds, agent.bootId].slice(-MAX_PAST_BOOTS);
  return { ...record, agent: undefined, pastBootIds };
}

/** The instance was started since: what this agent reported may be of an earlier boot, so it has to report again. */
export function withoutReport(record: SessionRecord): SessionRecord {
  const { agent } = record;
  if (!agent) return record;
  const { bootId, version } = agent;
  return { ...record, agent: { bootId, version, instanceStartedAt: record.instance?.startedAt } };
}

/** An unknown boot counts only where none is known: every agent registers before it reports. */
function agentOf(record: SessionRecord, bootId: string): KnownAgent | undefined {
  if (record.agent) return record.agent.bootId === bootId ? record.agent : undefined;
  return record.pastBootIds.includes(bootId) ? undefined : newAgent(record, bootId, '');
}

function newAgent(record: SessionRecord, bootId: string, version: string): KnownAgent {
  const isRunning = phaseOf(record.instance) === 'running';
  return {
    bootId,
    version,
    instanceStartedAt: isRunning ? record.instance?.startedAt : undefined,
  };
}

function isNewer(
  report: { wake: number; sequence: number },
  last: { wake: number; sequence: number },
): boolean {
  if (report.wake !== last.wake) return report.wake > last.wake;
  return report.sequence > last.sequence;
}
