// A person with a folder of notebooks and a gcloud of their own, whose kernels `start --local` runs on this machine's engine:
// not root, so that whom files belong to is seen.
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { removeContainers } from '../../client/local/containers.ts';
import { placeOf, type LocalPlace } from '../../client/local/place.ts';
import { localNames } from '../../client/local/record.ts';
import type { Cleaner } from '../browser/last-first.ts';
import { runClient, type ClientEvent, type RunningClient } from '../helpers/client.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { docker as dockerProgram, type Docker } from './engine.ts';
import { gatewayImage } from './gateway-container.ts';

/** The group is that of the engine's socket. */
export const PERSON = { uid: 4711, gid: 0 };

export interface LocalUser {
  content: string;
  stateDir: string;
  start(args?: readonly string[], env?: Record<string, string>): RunningClient;
  connect(args: readonly string[]): RunningClient;
  /** For another folder. */
  startIn(folder: string, args: readonly string[]): RunningClient;
  /** A verb that ends, with `--local`. @returns what it has printed, in JSON @throws unless it ends with 0 */
  ask(args: readonly string[]): Promise<ClientEvent[]>;
  placeOf(name: string): LocalPlace;
}

/** Its containers end with the test. */
export async function localUser(t: Cleaner, docker: Docker): Promise<LocalUser> {
  // With its lock: others may be building the same layers.
  await gatewayImage(docker);
  const home = temporaryFolder(t);
  const [content, stateDir, gcloud] = ['notebooks', 'state', '.config/gcloud'].map((name) => {
    const folder = path.join(home, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }) as [string, string, string];
  const credentials = path.join(gcloud, 'application_default_credentials.json');
  writeFileSync(credentials, '{"their": "own"}', { mode: 0o600 });
  writeFileSync(path.join(content, 'data.txt'), 'forty-one');
  const theirs = [home, content, stateDir, path.dirname(gcloud), gcloud, credentials];
  for (const one of theirs) chownSync(one, PERSON.uid, PERSON.gid);
  const env = { HOME: home, DATALAB_GATEWAY_PYPI: 'none', CLOUDSDK_CONFIG: gcloud };
  const run = (args: readonly string[], more: Record<string, string> = {}) =>
    runClient(t, stateDir, args, { ...env, ...more }, undefined, PERSON);
  const ask = async (args: readonly string[]) => {
    const client = run([...args, '--local', '--json']);
    const code = await client.ended;
    if (code === 0) return client.events;
    throw new Error(`${args.join(' ')}: ${code} ${JSON.stringify(client.events)}`);
  };
  t.after(async () => {
    for (const name of localNames(stateDir)) {
      await removeContainers(placeOf(stateDir, name), { environment: process.env });
    }
  });
  const startIn = (folder: string, args: readonly string[], more = {}) =>
    run(['start', folder, '--local', '--ui', 'none', '--json', ...args], more);
  return {
    ...{ content, stateDir, ask, startIn },
    connect: (args) => run(['connect', content, '--local', '--json', ...args]),
    start: (args = [], more = {}) => startIn(content, args, more),
    placeOf: (name) => placeOf(stateDir, name),
  };
}

/** Names of what there is on the engine of a session, when it is the only one of its user. */
export async function leftOf({ gateway, agent, network }: LocalPlace): Promise<string[]> {
  const [containers, networks] = await Promise.all([
    dockerProgram('ps', '--all', '--format', '{{.Names}}'),
    dockerProgram('network', 'ls', '--format', '{{.Name}}'),
  ]);
  const names = [...containers.split('\n'), ...networks.split('\n')];
  return names.filter((name) => [gateway, agent, network].includes(name));
}

/** Kills the main process of a container from outside: what the engine is told of is not started again. */
export async function killMain(docker: Docker, container: string): Promise<void> {
  const pid = Number(await docker('inspect', '--format', '{{.State.Pid}}', container));
  if (!(pid > 1)) throw new Error(`${container} does not run`);
  process.kill(pid, 'SIGKILL');
}
