// What is said of a session wherever it is shown: the colour of its state, what its kernels do.
import type { SessionState, SessionView } from '../../functions/contract.ts';
import { assertNever } from '../errors.ts';
import type { Colour } from './paint.ts';

export type Kernel = SessionView['kernels'][number];

export function colourOf(state: SessionState): Colour | undefined {
  switch (state) {
    case 'READY':
      return 'green';
    case 'FAILED':
      return 'red';
    case 'SUSPENDED':
    case 'STOPPED':
      return 'dim';
    case 'PENDING':
    case 'BUILDING_IMAGE':
    case 'CREATING':
    case 'BOOTING':
    case 'SUSPENDING':
    case 'RESUMING':
    case 'STOPPING':
    case 'STARTING':
    case 'DELETING':
      return 'yellow';
    default:
      return assertNever(state);
  }
}

/** The kernels that there are, in memory or frozen: what the last report said of a machine that is off has gone. */
export function kernelsOf({ state, instance, kernels }: SessionView): readonly Kernel[] {
  const isOff = state === 'STOPPED' || state === 'STARTING' || instance?.status === 'TERMINATED';
  return isOff || !instance ? [] : kernels;
}

/**
 * Its work would be lost: it computes, or waits for an answer in the middle of it. Not one that starts: so a kernel is
 * called until a front-end first talks to it, and until then it has computed nothing.
 */
export function isWorking({ state }: Kernel): boolean {
  return state === 'busy' || state === 'waitingForInput';
}

/** `3 kernels, 1 busy`; `no kernels`. */
export function kernelWords(kernels: readonly Kernel[]): string {
  if (kernels.length === 0) return 'no kernels';
  const counted = kernels.length === 1 ? '1 kernel' : `${kernels.length} kernels`;
  const of = (state: Kernel['state']) => kernels.filter((kernel) => kernel.state === state).length;
  const parts = [
    [of('busy'), 'busy'],
    [of('starting'), 'starting'],
    [of('waitingForInput'), 'waiting for input'],
    [of('dead'), 'dead'],
  ] as const;
  const notIdle = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return [counted, ...notIdle].join(', ');
}
