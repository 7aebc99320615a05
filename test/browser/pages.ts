// A relay with a UI server and a folder of notebooks, on a cuttable way to the world's agent. Either can be ended, and
// everything started again as a user does: the same folders and port, another token.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { ACCESS_TOKEN } from '../agent/api-server.ts';
import { untilNoProcess } from '../helpers/client.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import type { Way } from '../continuity/way.ts';
import { openWay } from '../continuity/way.ts';
import type { Cleaner } from './last-first.ts';
import { lastFirst } from './last-first.ts';
import type { World } from './world.ts';

export interface PagesSettings {
  contentDir: string;
  stateDir: string;
  wayPort: number;
  accessToken: string;
  port: number;
  token: string;
}

export interface PagesReady {
  /** With the token. */
  url: string;
  origin: string;
  port: number;
  kind: 'lab' | 'notebook';
  uiSocket: string;
}

export interface Pages {
  contentDir: string;
  way: Way;
  now: PagesReady;
  /** The whole program, as `kill -9` does. */
  kill(): Promise<void>;
  /** The notebook server alone, as `docker stop` and `docker kill` do; the program ends with it. */
  signalUi(signal: NodeJS.Signals): Promise<void>;
  /** Nobody opens the printed address: pages that were open go on. */
  startAgain(): Promise<void>;
}

const STOP_SECONDS = 10;
const PROGRAM = path.join(import.meta.dirname, 'pages-process.ts');

/** @param searchPath where its Jupyter is looked for */
export async function startPages(test: Cleaner, world: World, searchPath: string): Promise<Pages> {
  const t = lastFirst(test);
  const way = await openWay(() => world.agentPort);
  t.after(() => way.close());
  const contentDir = temporaryFolder(t);
  const stateDir = temporaryFolder(t);
  // What holds the UI server ends it, a moment later.
  t.after(() => untilNoProcess(stateDir));
  const fixed = { contentDir, stateDir, wayPort: way.port };
  const start = (port: number) => {
    const settings = { ...fixed, accessToken: ACCESS_TOKEN, port, token: randomUUID() };
    return run(settings, searchPath);
  };
  let running = await start(0);
  t.after(() => end(running.child));
  const pages: Pages = {
    contentDir,
    way,
    now: running.ready,
    kill: async () => {
      running.child.kill('SIGKILL');
      await running.ended;
    },
    signalUi: async (signal) => {
      const server = findUiServer(pages.now.uiSocket);
      process.kill(server, signal);
      await endOrKill(server, running);
    },
    startAgain: async () => {
      running = await start(pages.now.port);
      pages.now = running.ready;
    },
  };
  return pages;
}

interface Running {
  child: ChildProcess;
  ready: PagesReady;
  ended: Promise<unknown>;
}

async function run(settings: PagesSettings, searchPath: string): Promise<Running> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(settings)], {
    env: { ...process.env, PATH: searchPath },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([
    once(lines, 'line'),
    ended.then(() => Promise.reject(new Error('the pages have ended before they were ready'))),
  ])) as [string];
  return { child, ended, ready: JSON.parse(line) as PagesReady };
}

/** Asked while a page loads, jupyter-server 2.15 at times closes its socket and stays. */
async function endOrKill(server: number, { ended }: Running): Promise<void> {
  const timer = setTimeout(() => process.kill(server, 'SIGKILL'), STOP_SECONDS * 1000);
  await ended;
  clearTimeout(timer);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** The server itself, not the script that holds it. */
function findUiServer(socketPath: string): number {
  const found = readdirSync('/proc').find((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    const [program = '', ...args] = commandOf(pid);
    return !program.endsWith('bash') && args.some((arg) => arg.endsWith(`.sock=${socketPath}`));
  });
  if (found === undefined) throw new Error('there is no UI server');
  return Number(found);
}

function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
