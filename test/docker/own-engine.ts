// A Docker engine of one test's own, which may end as no other may: with its machine, or to be started again. It has an image of
// the tests' engine, and no network.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { signal, statusOf, untilGone } from '../../emulator/runtime/processes.ts';
import { lastFirst } from '../browser/last-first.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { engineHost, requireEngine, type Docker } from './engine.ts';

export interface OwnEngine {
  host: string;
  docker: Docker;
  /** As at an update of the machine's packages. */
  restart(): Promise<void>;
  /** Engine and containers are gone from one moment to the next, and with the machine the engine starts. */
  reboot(): Promise<void>;
}

const SECONDS = 60;

/** Undefined: the test is skipped. */
export async function startOwnEngine(
  t: TestContext,
  image: string,
): Promise<OwnEngine | undefined> {
  if (!requireEngine(t) || !requireProgram(t, 'dockerd')) return undefined;
  // Of both only root can dispose; sockets want a short path.
  const atEnd = lastFirst(t);
  const data = temporaryFolder(atEnd);
  const run = mkdtempSync('/run/datalab-test-');
  const host = `unix://${run}/docker.sock`;
  const docker: Docker = async (...args) => {
    const env = { ...process.env, DOCKER_HOST: host };
    return (await promisify(execFile)('docker', args, { env })).stdout.trim();
  };
  let engine: ChildProcess | undefined;
  const start = async () => {
    const words = ['--net', '--', 'dockerd', ...argumentsOf(data, run, host)];
    engine = spawn('unshare', words, { stdio: 'ignore', detached: true });
    await until('the engine answers', () => docker('version').catch(() => undefined), SECONDS);
  };
  const end = async () => {
    if (!engine || engine.exitCode !== null || engine.signalCode !== null) return;
    engine.kill('SIGTERM');
    await once(engine, 'exit');
  };
  const cut = async () => {
    const all = familyOf(run);
    for (const pid of all) signal(pid, 'SIGKILL');
    await untilGone(() => all, SECONDS);
    await unmount(run);
    await unmount(data);
    rmSync(run, { recursive: true, force: true });
  };
  atEnd.after(async () => {
    await end();
    await cut();
  });
  await start();
  const copy = 'set -o pipefail; DOCKER_HOST=$1 docker save "$0" | DOCKER_HOST=$2 docker load';
  await promisify(execFile)('bash', ['-c', copy, image, engineHost(), host]);
  return {
    ...{ host, docker },
    restart: async () => {
      await end();
      await start();
    },
    reboot: async () => {
      await cut();
      await start();
    },
  };
}

function argumentsOf(data: string, run: string, host: string): string[] {
  return [
    ...['--data-root', path.join(data, 'data'), '--exec-root', path.join(run, 'exec')],
    ...['--pidfile', path.join(run, 'docker.pid'), '--host', host],
    // It removes docker0, which is why it is in a network of its own: there is another engine's here.
    ...['--bridge', 'none', '--iptables=false', '--ip6tables=false'],
  ];
}

/** The engine's processes, which name its folder, and all that they have started. */
function familyOf(run: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const family = new Set(
    pids.map(Number).filter((pid) => pid !== process.pid && commandOf(pid).includes(run)),
  );
  for (let size = -1; size !== family.size;) {
    size = family.size;
    for (const pid of pids.map(Number)) {
      const parent = statusOf(pid)?.parent;
      if (parent !== undefined && family.has(parent)) family.add(pid);
    }
  }
  return [...family];
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

/** The last ones first: they are upon others. */
async function unmount(folder: string): Promise<void> {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  const targets = mounts.map((line) => line.split(' ')[1] ?? '');
  for (const target of targets.filter((one) => one.startsWith(`${folder}/`)).reverse()) {
    await promisify(execFile)('umount', ['--lazy', target]);
  }
}
