// Which containers an engine has.
import type { Engine } from './engine.ts';

/** @returns ids of those that run, paused ones included; with `--all`, of those that have ended, too */
export async function listContainers(
  engine: Engine,
  filter: string,
  ...more: readonly string[]
): Promise<string[]> {
  const text = await engine.run(['ps', '--quiet', '--filter', filter, ...more]);
  return text.split(/\s+/).filter((word) => word !== '');
}
