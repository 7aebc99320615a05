// The emulator on the docker runtime, for the journeys of this folder: the client program as a user runs it, the API beside
// it, and the engine's view of what runs.
import { createHash } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { createApi, type Api } from '../../client/api/api.ts';
import { ofEmulator } from '../../emulator/engine/labels.ts';
import { writeDockerCredentials } from '../../emulator/registry/docker-credentials.ts';
import { FIRST_USER, signIn } from '../emulator/cloud-fixture.ts';
import { runClient, type RunningClient } from '../helpers/client.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { engineHost, type Docker } from './engine.ts';

export interface DockerCloud {
  stateDir: string;
  /** host:port */
  registry: string;
  credentials: string;
  api: Api;
  /** `datalab-client ARGS`, with the flags that lead here. */
  client(...args: string[]): RunningClient;
  /** Of a container: its first process is killed, from outside, as the kernel does when memory is short. */
  killMainProcess(container: string): Promise<void>;
  isRunning(container: string): Promise<boolean>;
  /** Names of the containers of its instances, in any state. */
  containers(): Promise<string[]>;
  /** Those that run. */
  running(): Promise<string[]>;
  /** `docker push` of an image that has the registry's name, as the user of the emulator. @returns its digest */
  push(image: string): Promise<string>;
  /** Nothing of it is left on the engine. */
  end(): Promise<void>;
  /** The emulator's process dies, with no chance to end anything. */
  kill(): Promise<void>;
}

/** The first start of all builds the agent's image. */
const START_SECONDS = 300;

/** @param t what its clients end with, at the latest */
export async function startDockerCloud(
  t: Pick<TestContext, 'after'>,
  docker: Docker,
  stateDir = temporaryFolder(t),
): Promise<DockerCloud> {
  const environment = {
    DOCKER_HOST: engineHost(),
    // Tests reach no PyPI.
    DATALAB_FUNCTIONS_GATEWAY_PYPI: 'none',
    DATALAB_FUNCTIONS_POLICY_FILE: policyFile(stateDir),
  };
  const client = (...args: string[]) => {
    return runClient(t, stateDir, [...args, '--runtime', 'docker', '--json'], environment);
  };
  const emulator = client('emulator');
  const { credentials, urls } = z
    .object({
      credentials: z.string(),
      urls: z.object({ api: z.string(), registry: z.string() }),
    })
    .parse(await emulator.ready(START_SECONDS));
  const idToken = async () => (await signIn(credentials)).id_token;
  const { signal } = new AbortController();
  const mark = markOf(stateDir);
  const list = async (...more: string[]) => {
    const args = ['ps', ...more, '--format', '{{.Names}}', '--filter', mark];
    return (await docker(...args)).split('\n').filter((name) => name !== '');
  };
  return {
    ...{ stateDir, credentials, registry: new URL(urls.registry).host },
    api: createApi({ url: urls.api, idToken, signal }),
    client: (...args) => client(...args, '--emulator'),
    killMainProcess: async (container) => {
      const pid = await docker('inspect', '--format', '{{.State.Pid}}', container);
      process.kill(Number(pid), 'SIGKILL');
    },
    isRunning: async (container) =>
      (await docker('inspect', '--format', '{{.State.Running}}', container)).trim() === 'true',
    push: (image) => push(docker, image, credentials),
    containers: () => list('--all'),
    running: () => list(),
    end: async () => {
      emulator.signal('SIGINT');
      await emulator.ended;
      const left = await list('--all');
      if (left.length > 0) await docker('rm', '--force', '--volumes', ...left);
    },
    kill: async () => {
      emulator.signal('SIGKILL');
      await emulator.ended;
    },
  };
}

/** The first user may do what a team lead does. */
function policyFile(stateDir: string): string {
  const file = path.join(stateDir, 'policy.json');
  writeFileSync(file, JSON.stringify({ administrators: [FIRST_USER] }));
  return file;
}

async function push(docker: Docker, image: string, credentials: string): Promise<string> {
  const { access_token: token } = await signIn(credentials);
  const folder = mkdtempSync(path.join(tmpdir(), 'datalab-test-docker-'));
  try {
    writeDockerCredentials(folder, [image.split('/')[0] ?? ''], token);
    const said = await docker('--config', folder, 'push', image);
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(said)?.[1];
    if (digest === undefined) throw new Error(`no digest: ${said}`);
    return digest;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What marks the containers of the emulator of this folder. */
function markOf(stateDir: string): string {
  const folder = realpathSync(path.join(stateDir, 'emulator-docker'));
  return ofEmulator(createHash('sha256').update(folder).digest('hex').slice(0, 16));
}
