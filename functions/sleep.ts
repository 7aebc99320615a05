// When a session sleeps, and why it is awake (pure): idle timeout, lifetime, and what is agreed with the agent. plan.ts
// asks; agents.ts carries the words to the agent and back.
//
// The agent is asked under a nonce, shuts its gate, looks again, and agrees for a bounded time. `suspend` is then ours
// to call, within that time; `stop` the agent does itself, since only it can look and act in one go; `delete` is a stop
// after which nothing can run any more.
import type { ReportRequest, ReportResponse } from './contract.ts';
import type { Config } from './config.ts';
import type { SessionRecord, SleepTalk, Trouble } from './record.ts';
import { isAtWork, isUsable, phaseOf } from './session.ts';

/** An agent that has been asked answers with its next report; after so long it is asked anew. */
const ANSWER_MILLISECONDS = 180_000;
/** From the agent's agreement to what Compute Engine shows of a machine that switches itself off. */
const SWITCH_OFF_MILLISECONDS = 120_000;
/** An instance that reports no more is looked at: it may have been switched off, by Google or by somebody else. */
const SILENCE_MILLISECONDS = 300_000;
/** A suspend that failed at the end of a lifetime is tried again. */
const RETRY_MILLISECONDS = 600_000;

/** Why it is awake, in words; and when it will be asked to sleep, ms since the epoch, if nothing happens. */
export interface Awake {
  reason: string;
  sleepAt?: number | undefined;
}

/** Of a session whose gateway answers; undefined for any other. */
export function awakeOf(record: SessionRecord): Awake | undefined {
  if (record.want !== 'running' || phaseOf(record.instance) !== 'running' || !isUsable(record)) {
    return undefined;
  }
  const kernels = record.agent?.report?.kernels ?? [];
  const busy = kernels.filter(isAtWork);
  const [first] = busy;
  if (first) {
    const others = busy.length === 1 ? '' : `, and ${busy.length - 1} more`;
    return { reason: `kernel ${first.name || first.id} is ${first.state}${others}` };
  }
  const { idleTimeoutSeconds } = record.spec;
  const idleAt = Math.max(record.usedAt, record.activeAt) + idleTimeoutSeconds * 1000;
  const sleepAt = Math.max(idleAt, record.awakeUntil ?? 0);
  if (record.sleep) return { reason: 'it is about to sleep', sleepAt };
  if (sleepAt > idleAt) return { reason: 'it was asked to stay awake', sleepAt };
  if (record.sleepTrouble !== undefined) {
    return { reason: `it could not be suspended (${record.sleepTrouble})`, sleepAt };
  }
  return { reason: `it was in use within the last ${inWords(idleTimeoutSeconds)}`, sleepAt };
}

/** `30 min`, `2 h`; what is no whole number of minutes stays in seconds. */
function inWords(seconds: number): string {
  if (seconds % 60 !== 0) return `${seconds} s`;
  return seconds % 3600 === 0 ? `${seconds / 3600} h` : `${seconds / 60} min`;
}

/** Begins, carries on or ends what leads to sleep. The step itself is plan.ts's. */
export function judgeSleep(record: SessionRecord, now: number, config: Config): SessionRecord {
  if (record.want === 'deleted') return without(record);
  const phase = phaseOf(record.instance);
  if (phase !== 'running') return afterSleep(record);
  if (record.sleep?.agreedUntil !== undefined)
    return judgeAgreed(record, record.sleep, now, config);
  if (record.want !== 'running') return without(record);
  if (record.lifetimeEndsAt !== undefined && record.lifetimeEndsAt <= now) {
    return { ...without(record), want: 'suspended', isWantPending: true, failure: undefined };
  }
  const sleepAt = awakeOf(record)?.sleepAt;
  if (sleepAt === undefined || sleepAt > now) return without(record);
  const isWaiting = record.sleep && now - record.sleep.askedAt < ANSWER_MILLISECONDS;
  return isWaiting ? record : ask(record, now);
}

/** Wakes a session that was on its way to sleep: a full idle time begins. `trouble` is shown until the next report. */
export function withoutSleep(record: SessionRecord, now: number, trouble?: Trouble): SessionRecord {
  const isOverdue = record.lifetimeEndsAt !== undefined && record.lifetimeEndsAt <= now;
  const isAgreed = record.sleep !== undefined;
  return {
    ...without(record),
    // Somebody may have asked for something else meanwhile.
    ...(record.want === 'suspended' || (record.want === 'stopped' && isAgreed)
      ? { want: 'running', isWantPending: false }
      : {}),
    activeAt: now,
    lifetimeEndsAt: isOverdue ? now + RETRY_MILLISECONDS : record.lifetimeEndsAt,
    failure: record.failure ?? (isAgreed ? undefined : trouble),
    sleepTrouble: isAgreed && trouble ? trouble.message.slice(0, 600) : record.sleepTrouble,
  };
}

/** Somebody wants it to run: a sleep that has not begun is off; one that the agent is about to do may still happen. */
export function withStartOverSleep(record: SessionRecord): SessionRecord {
  const { sleep } = record;
  const isAgents = sleep?.agreedUntil !== undefined && sleep.by !== 'suspend';
  const startAgainUntil = isAgents
    ? (sleep.agreedUntil ?? 0) + SWITCH_OFF_MILLISECONDS
    : record.startAgainUntil;
  return { ...without(record), startAgainUntil };
}

/** What the agent is told with every answer; `toldAt` is to be saved before. */
export function sleepWords(
  record: SessionRecord,
  now: number,
): Pick<ReportResponse, 'isAwake' | 'sleep'> {
  const { sleep, want, claim } = record;
  const isAgreed = sleep?.agreedUntil !== undefined;
  const isAwake = want === 'running' && !isAgreed && claim?.step !== 'suspend';
  if (!sleep) return { isAwake };
  const { nonce, by } = sleep;
  if (!isAgreed) return { isAwake, sleep: { nonce, action: 'prepare', by } };
  const isOff = by !== 'suspend' && want === 'stopped' && now < (sleep.agreedUntil ?? 0);
  return isOff ? { isAwake, sleep: { nonce, action: 'switchOff', by } } : { isAwake };
}

/** The agent hears the question with the answer to this report: its gate cannot shut before. */
export function withSleepTold(record: SessionRecord, now: number): SessionRecord {
  const { sleep } = record;
  if (!sleep || sleep.toldAt !== undefined) return record;
  return { ...record, sleep: { ...sleep, toldAt: now } };
}

/** A nonce is good for one answer: agreeing, or taking it back. */
export function withSleepAnswer(
  record: SessionRecord,
  answer: NonNullable<ReportRequest['sleep']>,
  now: number,
): SessionRecord {
  const { sleep } = record;
  if (sleep?.nonce !== answer.nonce || sleep.toldAt === undefined) return record;
  if (!answer.isAgreed) return withoutSleep(record, now);
  if (sleep.agreedUntil !== undefined) return record;
  // From when the agent was told, not from now: how long its answer has travelled nobody knows.
  const agreedUntil = sleep.toldAt + answer.forSeconds * 1000;
  return { ...record, sleep: { ...sleep, agreedUntil } };
}

/** When to look at it again, ms since the epoch, should no report come. */
export function sleepDueAt(record: SessionRecord): number | undefined {
  const { sleep, agent } = record;
  if (sleep?.agreedUntil !== undefined) return sleep.agreedUntil;
  const asked = sleep ? sleep.askedAt + ANSWER_MILLISECONDS : awakeOf(record)?.sleepAt;
  const silent = agent?.report ? agent.report.receivedAt + SILENCE_MILLISECONDS : undefined;
  const times = [asked, silent].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

function judgeAgreed(
  record: SessionRecord,
  { by, agreedUntil = 0 }: SleepTalk,
  now: number,
  config: Config,
): SessionRecord {
  const isAsleepSoon = record.want === 'suspended' || record.want === 'stopped';
  if (record.want !== 'running' && !isAsleepSoon) return without(record);
  if (by === 'suspend') {
    if (now + config.callSeconds * 1000 > agreedUntil) return withoutSleep(record, now);
    return { ...record, want: 'suspended', isWantPending: true };
  }
  if (now > agreedUntil + SWITCH_OFF_MILLISECONDS) return withoutSleep(record, now);
  if (now > agreedUntil && record.want === 'running') return withoutSleep(record, now);
  return { ...record, want: 'stopped', isWantPending: true };
}

/** The machine is off or about to be. A session that is deleted when idle can go now: nothing runs there any more. */
function afterSleep(record: SessionRecord): SessionRecord {
  const { sleep } = record;
  const phase = phaseOf(record.instance);
  if (!sleep || phase === 'stopping' || phase === 'suspending') return record;
  const isSwitchedOff = phase === 'stopped' && record.want === 'stopped';
  if (sleep.by !== 'delete' || sleep.agreedUntil === undefined || !isSwitchedOff) {
    return without(record);
  }
  return { ...without(record), want: 'deleted', isWantPending: true };
}

function ask(record: SessionRecord, now: number): SessionRecord {
  const sleepCount = record.sleepCount + 1;
  const nonce = `${record.uid}-${record.generation}-${sleepCount}`;
  return { ...record, sleepCount, sleep: { nonce, by: record.spec.idleAction, askedAt: now } };
}

function without(record: SessionRecord): SessionRecord {
  return record.sleep ? { ...record, sleep: undefined } : record;
}
