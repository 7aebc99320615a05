// The stand-in for docker inside an instance of the process runtime: "pulls" from the emulated registry and
// runs the two containers of vm-startup.sh as processes. A container is a folder with what was said of it.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { execve } from 'node:process';
import { parseDockerArguments, type DockerCommand } from './docker-arguments.ts';
import { gatewayProcess } from './gateway-process.ts';

/** What the process runtime puts into the instance's environment for this program. */
interface Surroundings {
  env: NodeJS.ProcessEnv;
  /** Folder of images and containers: the instance's disk. */
  folder: string;
  bootId: string;
}

type RunGateway = Extract<DockerCommand, { verb: 'run-gateway' }>;
type RunAgent = Extract<DockerCommand, { verb: 'run-agent' }>;

interface Container {
  run: RunGateway;
  /** The supervisor and the boot that it belongs to: process ids mean nothing in another boot. */
  pid: number;
  bootId: string;
}

async function docker(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const command = parseDockerArguments(args);
  switch (command.verb) {
    case 'pull':
      return await pull(command.image, surroundings);
    case 'image-inspect':
      return imageInspect(command.image, surroundings);
    case 'inspect':
      return inspect(command.container, surroundings);
    case 'remove':
      return remove(command.container, surroundings);
    case 'start':
      return start(command.container, surroundings);
    case 'run-gateway':
      return runGateway(command, surroundings);
    case 'run-agent':
      return runAgent(command, surroundings);
    default:
      throw new Error(`not handled: ${JSON.stringify(command satisfies never)}`);
  }
}

/** Asks the registry for the manifest, with the instance's own token, and keeps it as the local copy. */
async function pull(image: string, { env, folder }: Surroundings): Promise<number> {
  const [name = '', digest = ''] = image.split('@');
  const repository = name.slice(name.indexOf('/') + 1);
  const url = `${env['DATALAB_EMULATOR_REGISTRY'] ?? ''}/v2/${repository}/manifests/${digest}`;
  const accept =
    'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
  const reply = await fetch(url, {
    headers: { accept, authorization: `Bearer ${await accessToken(env)}` },
  });
  const manifest = Buffer.from(await reply.arrayBuffer());
  if (!reply.ok) return fail(`Error response from daemon: ${image}: HTTP ${reply.status}`);
  const actual = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
  if (actual !== digest) return fail(`Error response from daemon: ${image} has digest ${actual}`);
  mkdirSync(path.join(folder, 'images'), { recursive: true });
  writeFileSync(imageFile(image, folder), manifest);
  console.log(image);
  return 0;
}

async function accessToken(env: NodeJS.ProcessEnv): Promise<string> {
  const host = env['GCE_METADATA_HOST'] ?? '';
  const reply = await fetch(
    `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`,
    { headers: { 'metadata-flavor': 'Google' } },
  );
  if (!reply.ok) throw new Error(`the metadata server answered ${reply.status} for a token`);
  const body: unknown = await reply.json();
  if (typeof body === 'object' && body !== null && 'access_token' in body) {
    return String(body.access_token);
  }
  throw new Error('the metadata server answered without an access token');
}

function imageInspect(image: string, { folder }: Surroundings): number {
  if (!existsSync(imageFile(image, folder))) return fail(`Error: No such image: ${image}`);
  console.log(image.split('@')[1]);
  return 0;
}

function inspect(name: string, { folder }: Surroundings): number {
  const container = readContainer(name, folder);
  if (!container) return fail(`Error: No such object: ${name}`);
  console.log(container.run.image);
  return 0;
}

function remove(name: string, surroundings: Surroundings): number {
  const container = readContainer(name, surroundings.folder);
  if (!container) return fail(`Error response from daemon: No such container: ${name}`);
  if (isRunning(container, surroundings)) process.kill(container.pid, 'SIGTERM');
  rmSync(containerFolder(name, surroundings.folder), { recursive: true, force: true });
  console.log(name);
  return 0;
}

function start(name: string, surroundings: Surroundings): number {
  const container = readContainer(name, surroundings.folder);
  if (!container) return fail(`Error response from daemon: No such container: ${name}`);
  if (!isRunning(container, surroundings)) supervise(container.run, surroundings);
  console.log(name);
  return 0;
}

function runGateway(run: RunGateway, surroundings: Surroundings): number {
  if (!existsSync(imageFile(run.image, surroundings.folder))) {
    return fail(`Unable to find image '${run.image}' locally`);
  }
  if (readContainer(run.container, surroundings.folder)) {
    return fail(`Conflict. The container name "${run.container}" is already in use`);
  }
  supervise(run, surroundings);
  console.log(run.container);
  return 0;
}

/** `--restart=always`: a shell that starts the process again, a second after it ended. */
function supervise(run: RunGateway, { env, folder, bootId }: Surroundings): void {
  const home = containerFolder(run.container, folder);
  mkdirSync(home, { recursive: true });
  const command = gatewayProcess(run, home, env);
  const log = openSync(path.join(home, 'log'), 'a', 0o600);
  const supervisor = spawn(
    '/bin/bash',
    [
      '-c',
      'trap \'kill "$child"; exit\' TERM; while :; do "$@" & child=$!; wait "$child"; sleep 1; done',
      'supervise',
      command.file,
      ...command.args,
    ],
    { cwd: command.cwd, env: command.env, detached: true, stdio: ['ignore', log, log] },
  );
  closeSync(log);
  supervisor.unref();
  if (supervisor.pid === undefined) throw new Error('could not start /bin/bash');
  const container: Container = { run, pid: supervisor.pid, bootId };
  writeFileSync(path.join(home, 'container.json'), JSON.stringify(container));
}

/**
 * In the foreground: this process becomes the agent, so that signals and exit status are its own. What it prints goes to
 * where docker was started and into the container's log; what writes both outlives the agent, whatever signals come.
 */
const BECOME_AGENT =
  'exec "$@" > >(trap "" HUP INT TERM; exec tee -a "$DATALAB_EMULATOR_LOG") 2>&1';

function runAgent(run: RunAgent, { env, folder }: Surroundings): number {
  if (!existsSync(imageFile(run.image, folder))) {
    return fail(`Unable to find image '${run.image}' locally`);
  }
  const onHost = new Map(run.mounts.map(({ host, container }) => [container, host]));
  const given = run.env.map(([name, value]) => [name, onHost.get(value) ?? value] as const);
  const node = env['DATALAB_EMULATOR_NODE'] ?? process.execPath;
  const agent = env['DATALAB_EMULATOR_AGENT'] ?? '';
  if (!execve) throw new Error('this Node.js has no process.execve');
  const home = containerFolder(run.container, folder);
  mkdirSync(home, { recursive: true });
  execve('/bin/bash', ['bash', '-c', BECOME_AGENT, 'agent', node, agent], {
    ...inherited(env),
    DATALAB_EMULATOR_LOG: path.join(home, 'log'),
    NODE_ENV: 'production',
    ...Object.fromEntries(given),
  });
  return 1;
}

/** What a "container" has of the instance's environment: enough to be found and ended with it. */
function inherited(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = ['PATH', 'HOME', 'LANG', 'DATALAB_EMULATOR_LEASH'];
  return Object.fromEntries(names.map((name) => [name, env[name] ?? '']));
}

function isRunning(container: Container, { bootId }: Surroundings): boolean {
  return container.bootId === bootId && existsSync(`/proc/${container.pid}`);
}

function readContainer(name: string, folder: string): Container | undefined {
  const file = path.join(containerFolder(name, folder), 'container.json');
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')) as Container;
}

function containerFolder(name: string, folder: string): string {
  return path.join(folder, 'containers', name);
}

function imageFile(image: string, folder: string): string {
  return path.join(folder, 'images', `${image.split('@')[1]?.replace(':', '-') ?? ''}.json`);
}

function fail(message: string): number {
  console.error(message);
  return 1;
}

try {
  const env = process.env;
  process.exitCode = await docker(process.argv.slice(2), {
    env,
    folder: env['DATALAB_EMULATOR_DOCKER_FOLDER'] ?? '',
    bootId: env['DATALAB_EMULATOR_BOOT_ID'] ?? '',
  });
} catch (error) {
  console.error(`docker (emulated): ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 125;
}
