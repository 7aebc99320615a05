// A cold process of the real Functions Framework, from its start to its first answer: ours and a hello-world.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { apiEnvironment, FRAMEWORK, freePort } from '../test/functions/framework-process.ts';
import type { Place } from './place.ts';
import { Program } from './program.ts';
import { median, type Row } from './table.ts';

interface Answered {
  milliseconds: number;
  megabytes: number;
}

const HELLO = path.join(import.meta.dirname, 'hello.js');
const LIMIT_SECONDS = 30;
const PROBE_MILLISECONDS = 5;

export async function benchColdFunction(
  place: Place,
  rounds: number,
  folder: string,
  signal: AbortSignal,
): Promise<Row[]> {
  const source = path.join(place.root, 'functions', `index${place.extension}`);
  const env = { PATH: process.env['PATH'], HOME: folder };
  const apis: Answered[] = [];
  const hellos: Answered[] = [];
  for (let round = 0; round < rounds; round += 1) {
    apis.push(await answer(source, 'api', apiEnvironment(folder), signal));
    hellos.push(await answer(HELLO, 'hello', env, signal));
  }
  const row = (what: string, unit: Row['unit'], key: keyof Answered): Row => ({
    what,
    ours: median(apis.map((one) => one[key])),
    beside: 'hello-world function',
    theirs: median(hellos.map((one) => one[key])),
    unit,
  });
  return [
    row(`cold api process, to its answer to /health (${place.name})`, 'ms', 'milliseconds'),
    row(`its peak memory by then (${place.name})`, 'MB', 'megabytes'),
  ];
}

async function answer(
  source: string,
  target: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Answered> {
  const port = await freePort();
  const args = [FRAMEWORK, `--source=${source}`, `--target=${target}`, `--port=${port}`];
  await using program = new Program(args, { env, signal, limitSeconds: LIMIT_SECONDS });
  while (!(await isAnswered(port, program.signal))) await delay(PROBE_MILLISECONDS);
  return { milliseconds: program.elapsedMilliseconds(), megabytes: program.peakMegabytes() };
}

async function isAnswered(port: number, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  try {
    return (await fetch(`http://127.0.0.1:${port}/health`, { signal })).ok;
  } catch {
    return false;
  }
}
