// A cold process of the real Functions Framework, from its start to its first answer: ours and a hello-world.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { apiEnvironment, FRAMEWORK, freePort } from '../test/functions/framework-process.ts';
import type { Cloud } from './cloud.ts';
import type { Place } from './place.ts';
import { Program } from './program.ts';
import { median, ratioAtMost, type Goal, type Row } from './table.ts';

interface Ask {
  at: string;
  headers: Record<string, string>;
}

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
  cloud: Pick<Cloud, 'urls' | 'idToken'>,
  signal: AbortSignal,
): Promise<Row[]> {
  const { functions: source } = place;
  const env = { PATH: process.env['PATH'], HOME: folder };
  const listEnv = {
    ...apiEnvironment(folder, new URL(cloud.urls.oidc).host),
    ID_TOKEN_CERTS_URL: `${cloud.urls.oidc}/oauth2/v1/certs`,
  };
  const apis: Answered[] = [];
  const lists: Answered[] = [];
  const hellos: Answered[] = [];
  for (let round = 0; round < rounds; round += 1) {
    apis.push(await answer(source, 'api', apiEnvironment(folder), ask('/health'), signal));
    lists.push(await answer(source, 'api', listEnv, ask('/v1/sessions', cloud.idToken), signal));
    hellos.push(await answer(HELLO, 'hello', env, ask('/'), signal));
  }
  const row = (what: string, key: keyof Answered, of: Answered[], goal?: Goal): Row => ({
    what: `${what} (${place.name})`,
    ours: median(of.map((one) => one[key])),
    beside: 'hello-world function',
    theirs: median(hellos.map((one) => one[key])),
    unit: key === 'megabytes' ? 'MB' : 'ms',
    goal,
  });
  return [
    row('cold api process, to its answer to /health', 'milliseconds', apis, ratioAtMost(1.5)),
    row('its peak memory by then', 'megabytes', apis, ratioAtMost(2)),
    row('cold api process, to its first GET /v1/sessions', 'milliseconds', lists),
    row('its peak memory by then', 'megabytes', lists),
  ];
}

async function answer(
  source: string,
  target: string,
  env: NodeJS.ProcessEnv,
  asked: Ask,
  signal: AbortSignal,
): Promise<Answered> {
  const port = await freePort();
  const args = [FRAMEWORK, `--source=${source}`, `--target=${target}`, `--port=${port}`];
  await using program = new Program(args, { env, signal, limitSeconds: LIMIT_SECONDS });
  while (!(await isAnswered(port, asked, program.signal))) await delay(PROBE_MILLISECONDS);
  return { milliseconds: program.elapsedMilliseconds(), megabytes: program.peakMegabytes() };
}

async function isAnswered(
  port: number,
  { at, headers }: Ask,
  signal: AbortSignal,
): Promise<boolean> {
  signal.throwIfAborted();
  try {
    return (await fetch(`http://127.0.0.1:${port}${at}`, { headers, signal })).ok;
  } catch {
    return false;
  }
}

function ask(at: string, token?: string): Ask {
  return { at, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } };
}
