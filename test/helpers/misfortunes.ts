// Bad input and bad luck as tables: each row runs the real program in a home of its own and says what a person must be
// told, with which exit code, and that nothing is half done afterwards.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { runClient, untilNoProcess, type RunningClient } from './client.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

export interface Place {
  /** HOME of the program; nothing is in it. */
  home: string;
  stateDir: string;
  /** An empty CONTENT_DIR. */
  content: string;
}

export interface Misfortune {
  title: string;
  /** The command line. */
  args: readonly string[] | ((place: Place) => readonly string[]);
  env?: Record<string, string> | ((place: Place) => Record<string, string>);
  /** Runs first, and gives what the row's functions get. */
  prepare?: (place: Place, t: TestContext) => unknown;
  /** While the program runs: a signal, say. */
  during?: (client: RunningClient, place: Place, t: TestContext) => Promise<void>;
  /** What standard error says, all of them. */
  says: readonly RegExp[];
  /** Never said. */
  saysNot?: readonly RegExp[];
  /** Default: 1. */
  exitCode?: number;
  /** What else shows that nothing is half done; that no process and no announcement is left is always looked at. */
  after?: (place: Place, client: RunningClient) => Promise<void> | void;
}

/** Of a client that serves. */
export const READY = /Kernels run on/;
export const ON_A_TERMINAL = /\x1b/; // eslint-disable-line no-control-regex -- what only a terminal understands

/** @param options of the suite; rows that are run side by side must not share what they change */
export function describeMisfortunes(
  name: string,
  rows: readonly Misfortune[],
  options: { concurrency?: boolean } = {},
): void {
  describe(name, options, () => {
    for (const row of rows) it(row.title, (t) => run(row, t));
  });
}

/** A start that needs no Jupyter on this machine. */
export function start(name: string, ...more: string[]) {
  return ({ content }: Place) => ['start', '--ui', 'none', '--name', name, ...more, content];
}

export function said(client: RunningClient, pattern: RegExp): Promise<unknown> {
  return until(String(pattern), () => {
    if (pattern.test(client.stderr())) return true;
    if (client.process.exitCode !== null) throw new Error(`it has ended: ${client.stderr()}`);
    return false;
  });
}

async function run(row: Misfortune, t: TestContext): Promise<void> {
  const root = temporaryFolder(t);
  const place: Place = {
    home: path.join(root, 'home'),
    stateDir: path.join(root, 'state'),
    content: path.join(root, 'content'),
  };
  for (const folder of Object.values(place) as string[]) mkdirSync(folder);
  await row.prepare?.(place, t);
  const env = typeof row.env === 'function' ? row.env(place) : row.env;
  const args = typeof row.args === 'function' ? row.args(place) : row.args;
  const client = runClient(t, place.stateDir, args, { ...CLEAN, HOME: place.home, ...env });
  await row.during?.(client, place, t);
  const exitCode = await client.ended;
  const said = `${client.stderr()}${JSON.stringify(client.events)}`;
  for (const pattern of row.says) assert.match(client.stderr(), pattern, said);
  for (const pattern of row.saysNot ?? []) assert.doesNotMatch(client.stderr(), pattern);
  assert.equal(exitCode, row.exitCode ?? 1, said);
  await untilNoProcess(place.stateDir);
  assert.deepEqual(announcements(place), [], 'a start that is over is still announced');
  await row.after?.(place, client);
}

/** What this machine's own user has set must not decide. */
const CLEAN = {
  XDG_STATE_HOME: '',
  XDG_CONFIG_HOME: '',
  CLOUDSDK_CONFIG: '',
  GOOGLE_APPLICATION_CREDENTIALS: '',
  PROJECT_ID: '',
  ZONE: '',
};

function announcements({ stateDir }: Place): string[] {
  const names = readdirSync(stateDir, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /^starts\/.*\.(json|html)/.test(name));
}
