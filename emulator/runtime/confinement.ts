// Holds the processes of an instance together: a PID namespace where one may be made, so that the kernel
// ends them all; a mark in their environment elsewhere (containers, hardened machines).
import { spawnSync } from 'node:child_process';

export interface Confinement {
  kind: 'namespace' | 'mark';
  /** Words before the instance's first process. */
  prefix: readonly string[];
}

const CANDIDATES: readonly Confinement[] = [
  // With a /proc of its own, so that programs which look themselves up there (psutil) find themselves.
  ...[
    '--user --map-root-user --pid --fork --kill-child --mount-proc',
    '--user --map-root-user --pid --fork --kill-child',
  ].map((flags) => ({
    kind: 'namespace' as const,
    prefix: ['unshare', ...flags.split(' '), '--'],
  })),
];

const MARK: Confinement = { kind: 'mark', prefix: [] };

/** The strongest confinement that works here, found by trying. */
export function findConfinement(): Confinement {
  return CANDIDATES.find(works) ?? MARK;
}

function works({ prefix: [file = '', ...args] }: Confinement): boolean {
  return spawnSync(file, [...args, 'true'], { stdio: 'ignore', timeout: 5000 }).status === 0;
}
