// Which call fails how: every call that a clean life makes, each with everything that may happen to one call. The calls
// are those that the emulator has seen, so a new one cannot be forgotten.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { SERVICES, type Service } from '../../emulator/faults/service.ts';
import type { Backend } from './backend.ts';
import { randomNumbers, shuffled } from './random-numbers.ts';
import { assertLived, live, type Stage } from './whole-life.ts';

/** What happens to one call, as rules of the emulator's control API (emulator/faults/rule.ts). */
export const FAULTS = {
  '500': { error: { status: 500, reason: 'backendError' } },
  '429': { error: { status: 429, reason: 'rateLimitExceeded' } },
  'no answer': { timeout: true },
  'lost reply': { loseReply: true },
  'lost request': { loseRequest: true },
} as const;
export type FaultName = keyof typeof FAULTS;

export interface MadeCall {
  /** In which it was made. */
  stage: Stage;
  service: Service;
  method: string;
  /** A regular expression: what is of one session or one build is left open. */
  path: string;
}

export interface FaultCase extends MadeCall {
  fault: FaultName;
  /** So many calls of the stage pass first; what comes after the first may be another one in every run. */
  after: number;
}

/** Not the backend's: how the test signs in and looks, what Cloud Build's docker pushes, what an instance boots with. */
const OTHERS = [
  /^POST \/token$/,
  /^GET \/compute\/v1\/.*\/aggregated\/operations$/,
  /^\w+ \/v2\/.*\/blobs\//,
  /^PUT \/v2\/.*\/manifests\//,
  /^GET \/computeMetadata\/v1\/instance\/attributes\//,
];

/** Made by chance: while an insert is not to be seen yet. `lostInserts` see to it that it is made. */
const RARE = /^GET \/compute\/v1\/.*\/aggregated\/instances$/;

/** Lives once without any fault. @returns what was called, each in the stages in which it was */
export async function callsOfLife(backend: Backend, name: string): Promise<MadeCall[]> {
  const made = new Map<string, MadeCall>();
  let stage: Stage | undefined;
  const note = async () => {
    for (const call of stage === undefined ? [] : await seenCalls(backend, stage)) {
      made.set(JSON.stringify(call), call);
    }
    await backend.control('DELETE', '/calls');
  };
  const before = async (next: Stage) => {
    await note();
    stage = next;
  };
  await assertLived(backend, await live(backend, { name, before }));
  await note();
  return [...made.values()];
}

async function seenCalls(backend: Backend, stage: Stage): Promise<MadeCall[]> {
  const { calls } = await backend.control('GET', '/calls');
  return (calls as { method: string; path: string; service?: string }[]).flatMap(
    ({ method, path, service: name }) => {
      const service = SERVICES.find((known) => known === name);
      const isOthers = [...OTHERS, RARE].some((pattern) => pattern.test(`${method} ${path}`));
      return service === undefined || isOthers
        ? []
        : [{ stage, service, method, path: open(path) }];
    },
  );
}

function open(path: string): string {
  const pattern = path
    .replace(/datalab-[a-z0-9]+-\d+/, '[^/]+')
    // Every emulator's project has a number of its own.
    .replace(/\/projects\/\d+\//, '/projects/\\d+/')
    .replace(/\/builds\/[0-9a-f-]{36}/, '/builds/[^/]+');
  return `^${pattern}$`;
}

/** @param occurrences how many calls of each kind in a stage, one after the other, get their faults */
export function casesOf(calls: readonly MadeCall[], occurrences = 1): FaultCase[] {
  const faults = Object.keys(FAULTS) as FaultName[];
  return calls.flatMap((call) =>
    faults.flatMap((fault) =>
      Array.from({ length: occurrences }, (_, after) => ({ ...call, fault, after })),
    ),
  );
}

/** For each call some of what may happen to it: the same in every run. */
export function someOf(cases: readonly FaultCase[], perCall: number, seed: number): FaultCase[] {
  const counts = new Map<string, number>();
  return shuffled(cases, randomNumbers(seed)).filter(({ stage, method, path }) => {
    const call = `${stage} ${method} ${path}`;
    const count = (counts.get(call) ?? 0) + 1;
    counts.set(call, count);
    return count <= perCall;
  });
}

/** As few lives as can be, with so many faults in each of their stages at most. */
export function livesOf<Case extends { stage: Stage }>(
  cases: readonly Case[],
  perStage: number,
): Case[][] {
  const lives: Case[][] = [];
  for (const one of cases) {
    const inStage = (life: Case[]) => life.filter(({ stage }) => stage === one.stage);
    const life = lives.find((candidate) => inStage(candidate).length < perStage);
    if (life) life.push(one);
    else lives.push([one]);
  }
  return lives;
}

function titleOf({ stage, service, method, path, fault, after }: FaultCase): string {
  const which = after === 0 ? '' : `, call ${after + 1}`;
  return `${fault}: ${service} ${method} ${path} in ${stage}${which}`;
}

/** One whole life with that one fault, or with several. @returns the session's id. @throws unless they have happened */
export async function liveWith(
  backend: Backend,
  cases: readonly FaultCase[],
  name: string,
): Promise<string> {
  await backend.control('DELETE', '/faults');
  const before = async (next: Stage) => {
    for (const { stage, service, method, path, fault, after } of cases) {
      const rule = { service, method, path, after, ...FAULTS[fault] };
      if (stage === next) await backend.control('POST', '/faults', rule);
    }
  };
  const id = await live(backend, { name, before });
  const { rules } = await backend.control('GET', '/faults');
  const missed = (rules as { after: number; hit: number }[]).filter(
    ({ after, hit }) => after === 0 && hit === 0,
  );
  assert.deepEqual(missed, [], 'the fault has happened');
  return id;
}

/** Runs the lives as tests of their own, as many at a time as there are lanes; `t` has to allow so many. */
export async function runLives<Lane>(
  t: TestContext,
  lives: readonly (readonly FaultCase[])[],
  lanes: readonly Lane[],
  run: (t: TestContext, life: readonly FaultCase[], lane: Lane, name: string) => Promise<void>,
): Promise<void> {
  const waiting = lives.entries();
  const work = async (lane: Lane) => {
    for (const [index, life] of waiting) {
      const title = life.map(titleOf).join('; ');
      await t.test(title, (child) => run(child, life, lane, `life-${index}`));
    }
  };
  await Promise.all(lanes.map(work));
}
