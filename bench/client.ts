// The client as a user waits for it: the shortest command, a list beside gcloud's, and `start` up to its ready line.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DURATIONS } from '../emulator/options.ts';
import { hasGcloud, startCloud, type Cloud } from './cloud.ts';
import type { Place } from './place.ts';
import { Program } from './program.ts';
import { timeToReady } from './ready.ts';
import { median, ratioAtMost, type Row } from './table.ts';

const LIMIT_SECONDS = 90;

export async function benchVersion(
  place: Place,
  rounds: number,
  signal: AbortSignal,
): Promise<Row> {
  const version: number[] = [];
  const node: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    version.push(await timeToEnd([place.client, '--version'], process.env, signal));
    node.push(await timeToEnd(['-e', '0'], process.env, signal));
  }
  return {
    what: `datalab-client --version (${place.name})`,
    ours: median(version),
    beside: 'node -e 0',
    theirs: median(node),
    unit: 'ms',
    goal: ratioAtMost(1.5),
  };
}

/** Against an emulator that runs, as against a project: signing in, project and zone looked up. */
export async function benchAgainstCloud(
  place: Place,
  rounds: number,
  folder: string,
  signal: AbortSignal,
): Promise<Row[]> {
  const content = path.join(folder, `${place.name}-content`);
  mkdirSync(content);
  await using cloud = await startCloud(place, path.join(folder, `${place.name}-cloud`), signal);
  const start = [place.client, 'start', '--ui', 'none', '--json', content];
  // Makes session and instance, which is not counted.
  await timeToReady(start, cloud.env, signal);
  const lists = await timesOf(rounds, () => timeToEnd([place.client, 'list'], cloud.env, signal));
  const warm = await timesOf(
    rounds,
    async () => (await timeToReady(start, cloud.env, signal)).milliseconds,
  );
  const cold: Awaited<ReturnType<typeof timeOfStart>>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    cold.push(await timeOfStart(place, start, cloud, signal));
  }
  const rows: Row[] = [
    {
      what: `start of a session that sleeps on its disk, to ready (${place.name})`,
      ours: median(cold.map(({ all }) => all)),
      beside: 'of it the cloud: operation, boot, gateway',
      theirs: median(cold.map(({ cloud: theirs }) => theirs)),
      unit: 'ms',
      goal: ratioAtMost(1.05),
    },
    {
      what: `start of a session that runs, to ready (${place.name})`,
      ours: median(warm),
      beside: 'list',
      theirs: median(lists),
      unit: 'ms',
    },
  ];
  if (!hasGcloud()) return rows;
  const gcloud = await timesOf(rounds, () =>
    timeToEnd(['compute', 'instances', 'list'], cloud.gcloudEnv, signal, 'gcloud'),
  );
  return [
    {
      what: `datalab-client list (${place.name})`,
      ours: median(lists),
      beside: 'gcloud compute instances list',
      theirs: median(gcloud),
      unit: 'ms',
      goal: ratioAtMost(0.2),
    },
    ...rows,
  ];
}

/** The first start makes session and instance and is not counted; each later one boots what it finds. */
export async function benchEverything(
  place: Place,
  rounds: number,
  folder: string,
  signal: AbortSignal,
): Promise<Row> {
  const content = path.join(folder, `${place.name}-content`);
  const env = { ...process.env, DATALAB_STATE_DIR: path.join(folder, `${place.name}-state`) };
  const args = [place.client, 'start', '--emulator', '--ui', 'none', '--json', content];
  await timeToReady(args, env, signal);
  const times = await timesOf(rounds, () => timeToReady(args, env, signal));
  return {
    what: `start --emulator, emulator and instance included (${place.name})`,
    ours: median(times.map(({ milliseconds }) => milliseconds)),
    beside: "the emulated cloud's own delays",
    // What emulator/compute/recovery.ts does to an instance that lost its power.
    theirs: DURATIONS.pendingMilliseconds + DURATIONS.startMilliseconds,
    unit: 'ms',
  };
}

/**
 * The cloud's part runs from the start operation to the moment when the API knows that the gateway answers; what comes
 * before and after is ours.
 */
async function timeOfStart(
  place: Place,
  args: readonly string[],
  cloud: Cloud,
  signal: AbortSignal,
): Promise<{ all: number; cloud: number }> {
  await timeToEnd([place.client, 'stop'], cloud.env, signal);
  const { milliseconds, readyAt } = await timeToReady(args, cloud.env, signal);
  return { all: milliseconds, cloud: readyAt - (await cloud.lastStart()) };
}

async function timesOf<T>(rounds: number, run: () => Promise<T>): Promise<T[]> {
  const times: T[] = [];
  for (let round = 0; round < rounds; round += 1) times.push(await run());
  return times;
}

async function timeToEnd(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  command?: string,
): Promise<number> {
  await using program = new Program(args, { env, signal, limitSeconds: LIMIT_SECONDS, command });
  program.signal.addEventListener('abort', () => program.child.kill('SIGKILL'));
  const how = await program.ended;
  if (how !== 0) throw program.signal.reason;
  return program.elapsedMilliseconds();
}
