// Containers of clients that are gone: each bears who started it. A container ends with its client by itself; what is left
// of one whose engine or machine was stopped meanwhile, the next start removes.
import { hostname } from 'node:os';
import { isAlive } from '../is-alive.ts';
import { runDocker, type DockerOptions } from './docker-program.ts';

const LABEL = 'datalab.ui.client';

export function ownLabels(): Record<string, string> {
  return { [LABEL]: `${hostname()}/${process.pid}` };
}

/** What cannot be removed is left: somebody else's, or another start is removing it. */
export async function removeLeftovers(
  options: Pick<DockerOptions, 'environment' | 'signal'>,
): Promise<void> {
  const filter = ['--all', '--quiet', '--no-trunc', '--filter', `label=${LABEL}`];
  const { stdout } = await runDocker(['ps', ...filter], options);
  const ids = stdout.split('\n').filter((line) => line !== '');
  if (ids.length === 0) return;
  const format = `{{.Id}} {{index .Config.Labels "${LABEL}"}}`;
  const inspected = await runDocker(['inspect', '--format', format, ...ids], options);
  const left = inspected.stdout.split('\n').flatMap((line) => {
    const [id, client] = line.split(' ');
    return id !== undefined && client !== undefined && isGone(client) ? [id] : [];
  });
  if (left.length > 0) await runDocker(['rm', '--force', ...left], options);
}

/** Of another machine that uses the same engine nothing is known. */
function isGone(client: string): boolean {
  const [host, pid] = client.split('/');
  return host === hostname() && /^\d+$/.test(pid ?? '') && !isAlive(Number(pid));
}
