// The client as a user waits for it: the shortest command, and `start` up to its ready line.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DURATIONS } from '../emulator/options.ts';
import type { Place } from './place.ts';
import { Program } from './program.ts';
import { median, type Row } from './table.ts';

const VERSION_LIMIT_SECONDS = 30;
const START_LIMIT_SECONDS = 90;

export async function benchVersion(
  place: Place,
  rounds: number,
  signal: AbortSignal,
): Promise<Row> {
  const version: number[] = [];
  const node: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    version.push(await timeToEnd([clientOf(place), '--version'], signal));
    node.push(await timeToEnd(['-e', '0'], signal));
  }
  return {
    what: `datalab-client --version (${place.name})`,
    ours: median(version),
    beside: 'node -e 0',
    theirs: median(node),
    unit: 'ms',
  };
}

/** The first start makes session and instance and is not counted; each later one boots what it finds. */
export async function benchStart(
  place: Place,
  rounds: number,
  folder: string,
  signal: AbortSignal,
): Promise<Row> {
  const content = path.join(folder, `${place.name}-content`);
  mkdirSync(content);
  const stateDir = path.join(folder, `${place.name}-state`);
  const args = [clientOf(place), 'start', '--emulator', '--ui', 'none', '--json', content];
  const start = () => timeToReady(args, stateDir, signal);
  await start();
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push(await start());
  return {
    what: `start --emulator --ui none, to ready (${place.name})`,
    ours: median(times),
    beside: "the emulated cloud's own delays",
    // What emulator/compute/recovery.ts does to an instance that lost its power.
    theirs: DURATIONS.pendingMilliseconds + DURATIONS.startMilliseconds,
    unit: 'ms',
  };
}

function clientOf({ root }: Place): string {
  return path.join(root, 'client/datalab-client.js');
}

async function timeToEnd(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = { env: process.env, signal, limitSeconds: VERSION_LIMIT_SECONDS };
  await using program = new Program(args, options);
  program.signal.addEventListener('abort', () => program.child.kill('SIGKILL'));
  const how = await program.ended;
  if (how !== 0) throw program.signal.reason;
  return program.elapsedMilliseconds();
}

async function timeToReady(
  args: readonly string[],
  stateDir: string,
  signal: AbortSignal,
): Promise<number> {
  const env = { ...process.env, DATALAB_STATE_DIR: stateDir };
  await using program = new Program(args, { env, signal, limitSeconds: START_LIMIT_SECONDS });
  await program.untilSays(/"event":"ready"/);
  const milliseconds = program.elapsedMilliseconds();
  await program.end('SIGINT');
  return milliseconds;
}
