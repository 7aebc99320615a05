// Images on the engine bear the emulated registry's port in their names. An emulator that has got another port takes the names
// away that emulators of its state folder have given under the ones before; what was somebody else's stays.
import { once } from 'node:events';
import { connect } from 'node:net';
import { EngineError, type Engine } from './engine.ts';

export interface FormerNames {
  engine: Engine;
  /** Of the emulated registry, before the one that it has now. */
  ports: readonly number[];
  project: string;
  /** Whether the emulated registry has it. An engine tells images by the digest of their configuration or their manifest. */
  isKnown: (digest: string) => boolean;
}

/** @returns ports that are to be looked at another time, since a container needs an image, or somebody else has the port */
export async function removeFormerNames(options: FormerNames): Promise<number[]> {
  const left: number[] = [];
  for (const port of options.ports) {
    if (!(await isCleared(port, options))) left.push(port);
  }
  return left;
}

async function isCleared(port: number, options: FormerNames): Promise<boolean> {
  // It may be another emulator's, of the same project, which has the same agent.
  if (await isTaken(port)) return false;
  try {
    for (const name of await ownNames(port, options)) await options.engine.run(['rmi', name]);
    return true;
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}

async function ownNames(
  port: number,
  { engine, project, isKnown }: FormerNames,
): Promise<string[]> {
  const format = '{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}';
  const filter = `reference=127.0.0.1:${port}/${project}/*`;
  const args = ['--digests', '--no-trunc', '--format', format, '--filter', filter];
  const lines = (await engine.run(['images', ...args])).split('\n').filter((line) => line !== '');
  const names = lines.flatMap((line) => {
    const [repository = '', tag = NONE, digest = NONE, id = ''] = line.split(' ');
    if (!isKnown(id) && !isKnown(digest)) return [];
    const tagged = tag === NONE ? [] : [`${repository}:${tag}`];
    return digest === NONE ? tagged : [...tagged, `${repository}@${digest}`];
  });
  // A tag that was the last name of an image takes its digest with it: tags come last.
  return [...new Set(names)].sort((one, other) => (isTag(one) ? 1 : 0) - (isTag(other) ? 1 : 0));
}

const NONE = '<none>';

function isTag(name: string): boolean {
  return !name.includes('@');
}

async function isTaken(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
