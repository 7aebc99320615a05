// A real Jupyter server as gateway, on a free port of 127.0.0.1, ended with all its kernels.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ownKernelAddress } from './kernel-address.ts';
import { until } from './until.ts';

export interface RealGateway {
  port: number;
  token: string;
  /** Asks the gateway itself, past whatever is tested. */
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** Below those that Linux gives to connections (net.ipv4.ip_local_port_range). */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;
const LEASH = path.join(import.meta.dirname, '../../client/jupyter/leash.sh');

export async function startRealGateway(): Promise<RealGateway> {
  const folder = mkdtempSync(path.join(tmpdir(), 'datalab-test-gateway-'));
  const work = path.join(folder, 'work');
  mkdirSync(work);
  const port = await freePort();
  const token = 'the-gateways-own-token';
  const args = [
    ...['--no-browser', '--allow-root', '--ServerApp.ip=127.0.0.1', `--ServerApp.port=${port}`],
    ...['--ServerApp.port_retries=0', `--ServerApp.token=${token}`, `--ServerApp.root_dir=${work}`],
  ];
  const gateway = spawn('bash', [LEASH, folder, '/usr/bin/jupyter-server', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {
      ...process.env,
      HOME: folder,
      JUPYTER_RUNTIME_DIR: path.join(folder, 'runtime'),
      ...ownKernelAddress(),
    },
  });
  const ended = new Promise<void>((resolve) =>
    gateway.once('exit', () => {
      resolve();
    }),
  );
  const get = async (where: string): Promise<unknown> => {
    const headers = { authorization: `token ${token}` };
    return (await fetch(`http://127.0.0.1:${port}${where}`, { headers })).json();
  };
  await until('the gateway answers', () => get('/api/kernelspecs').catch(() => undefined), 90);
  return {
    port,
    token,
    get,
    stop: async () => {
      gateway.stdin.end();
      await ended;
    },
  };
}

/** Of those that Linux gives to no connection, which might have it before it is used. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
