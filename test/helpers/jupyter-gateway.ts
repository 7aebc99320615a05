// A real Jupyter server on loopback, run as the instance's startup script runs the gateway, for tests that need kernels.
// It and its kernels carry a marker in their environment: kernels leave their parent's process group.
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ownKernelAddress } from './kernel-address.ts';

export interface JupyterGateway {
  /** Such as http://127.0.0.1:40001 */
  url: string;
  token: string;
  /** Holds the token, as on an instance. */
  tokenFile: string;
  /** Where kernels work. */
  workFolder: string;
  /** Cuts the power: server and kernels are killed, the folder stays. */
  kill(): Promise<void>;
  /** Stops the server where it is, not its kernels: it answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Stops the server and its kernels, as a machine that is suspended. */
  suspend(): Promise<void>;
  resume(): Promise<void>;
  shutDownKernels(): Promise<void>;
  /** Starts the server again after `kill`, on the same port with the same token. */
  startAgain(): Promise<void>;
  /** Ends everything and removes the folder. */
  stop(): Promise<void>;
}

const START_SECONDS = 60;

/**
 * Why tests with a real Jupyter cannot run here, for `it(…, {skip})`; `false` when they can. With CI=true the tests run
 * and fail instead.
 */
export function missingJupyter(): string | false {
  if (process.env['CI'] === 'true') return false;
  const found = spawnSync('jupyter-server', ['--version']).status === 0;
  return found
    ? false
    : 'jupyter-server is missing: apt-get install jupyter-server python3-ipykernel';
}

/**
 * @param program another release's server, say
 * @param isLimited drops output over 1 MB/s, as it does by default
 */
export async function startJupyterGateway(
  address = '127.0.0.1',
  program = 'jupyter-server',
  isLimited = false,
): Promise<JupyterGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'datalab-test-gateway-'));
  const marker = `DATALAB_TEST_GATEWAY=${randomUUID()}`;
  const token = randomBytes(24).toString('hex');
  const port = await freePort(address);
  const workFolder = join(folder, 'work');
  await mkdir(workFolder);
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
  await writeConfiguration(folder, token, isLimited);
  const url = `http://${address}:${port}`;

  let server: ChildProcess | undefined;
  const start = async () => {
    server = spawnServer({ program, folder, marker, address, port });
    await untilReady(url, token, server);
  };
  const kill = async () => {
    const exited = server && server.exitCode === null && once(server);
    await killMarked(marker);
    await exited;
  };
  const stop = async () => {
    await shutDownKernels(url, token);
    await kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...{ url, token, tokenFile, workFolder, kill, startAgain: start, stop },
    freeze: () => server?.kill('SIGSTOP'),
    thaw: () => server?.kill('SIGCONT'),
    suspend: () => signalMarked(marker, 'SIGSTOP'),
    resume: () => signalMarked(marker, 'SIGCONT'),
    shutDownKernels: () => shutDownKernels(url, token),
  };
}

/** In a file: the environment is inherited by kernels, which are not to know the token. */
async function writeConfiguration(
  folder: string,
  token: string,
  isLimited: boolean,
): Promise<void> {
  const limits = isLimited ? {} : { limit_rate: false };
  const configuration = {
    ServerApp: { token, password: '', open_browser: false, allow_root: true, ...limits },
    // jupyter-server 2 reads it here.
    ZMQChannelsWebsocketConnection: limits,
  };
  await mkdir(join(folder, 'config'));
  const file = join(folder, 'config', 'jupyter_server_config.json');
  await writeFile(file, JSON.stringify(configuration), { mode: 0o600 });
}

interface ServerSettings {
  program: string;
  folder: string;
  marker: string;
  address: string;
  port: number;
}

function spawnServer({ program, folder, marker, address, port }: ServerSettings): ChildProcess {
  const [name = '', value = ''] = marker.split('=');
  return spawn(
    program,
    [
      `--ip=${address}`,
      `--port=${port}`,
      '--ServerApp.port_retries=0',
      `--ServerApp.root_dir=${join(folder, 'work')}`,
      '--allow-root',
      '--no-browser',
    ],
    {
      cwd: join(folder, 'work'),
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        LANG: 'C.UTF-8',
        HOME: folder,
        JUPYTER_CONFIG_DIR: join(folder, 'config'),
        JUPYTER_DATA_DIR: join(folder, 'data'),
        JUPYTER_RUNTIME_DIR: join(folder, 'runtime'),
        IPYTHONDIR: join(folder, 'ipython'),
        ...ownKernelAddress(),
        [name]: value,
      },
    },
  );
}

async function untilReady(url: string, token: string, server: ChildProcess): Promise<void> {
  const ended: { failure?: Error } = {};
  server.once('error', (failure) => (ended.failure = failure));
  server.once('exit', (code) => {
    ended.failure ??= new Error(`jupyter-server ended with ${code}`);
  });
  await untilAnswers(url, token, ended);
}

/** @param ended has the failure once it is hopeless */
export async function untilAnswers(
  url: string,
  token: string,
  ended: { failure?: Error } = {},
): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000;
  while (Date.now() < deadline) {
    if (ended.failure) throw ended.failure;
    const answer = await ask(url, token, 'GET', '/api/kernelspecs');
    if (answer?.ok) return;
    await delay(50);
  }
  throw new Error(`jupyter-server did not answer within ${START_SECONDS} s`);
}

export async function shutDownKernels(url: string, token: string): Promise<void> {
  const answer = await ask(url, token, 'GET', '/api/kernels');
  if (!answer?.ok) return;
  const kernels = (await answer.json()) as { id: string }[];
  await Promise.all(kernels.map(({ id }) => ask(url, token, 'DELETE', `/api/kernels/${id}`)));
}

async function ask(url: string, token: string, method: string, path: string) {
  const headers = { Authorization: `token ${token}` };
  return await fetch(url + path, { method, headers, signal: AbortSignal.timeout(10_000) }).catch(
    () => undefined,
  );
}

async function once(server: ChildProcess): Promise<void> {
  await new Promise((resolve) => server.once('exit', resolve));
}

/** Again until none is left: a process may be starting another one just now. */
async function killMarked(marker: string): Promise<void> {
  for (;;) {
    const ids = await findMarked(marker);
    if (ids.length === 0) return;
    for (const id of ids) signalOne(id, 'SIGKILL');
    await delay(20);
  }
}

async function signalMarked(marker: string, signal: NodeJS.Signals): Promise<void> {
  for (const id of await findMarked(marker)) signalOne(id, signal);
}

function signalOne(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal);
  } catch {
    // It ended by itself in between.
  }
}

/** The processes that have `marker` (NAME=value) in their environment. Zombies have none. */
export async function findMarked(marker: string): Promise<number[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    ids.map(async (id) => {
      const environment = await readFile(`/proc/${id}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(marker);
    }),
  );
  return ids.filter((id, index) => found[index] === true && id !== process.pid);
}

async function freePort(address: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
