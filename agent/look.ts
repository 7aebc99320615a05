// The look before the machine sleeps: is no kernel at work, now? The gate is shut while it is taken; gate.ts asks.
import type { Clock } from './clock.ts';
import type { CpuSample } from './cpu.ts';
import { isRest } from './cpu.ts';
import type { LookFor } from './gate.ts';
import type { Gateway } from './gateway.ts';
import type { Kernels } from './kernels.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';

/** Long enough for a thread that computes now and then, short enough for whoever waits at the gate. */
const CPU_MILLISECONDS = 2_000;

export interface LookDeps {
  gateway: Pick<Gateway, 'listKernels'>;
  kernels: Kernels;
  cpu: { sample(kernelIds: readonly string[]): Promise<CpuSample> };
  clock: Clock;
  log: Log;
}

/** The gateway's list comes last: it sees what began during the rest. */
export async function isAtRest(deps: LookDeps, what: LookFor): Promise<boolean> {
  const { kernels, log } = deps;
  const reason =
    whyAtWork(kernels) ??
    (what.by === 'suspend' ? undefined : await whyComputing(deps)) ??
    (await whyNotListed(deps, what)) ??
    whyAtWork(kernels);
  if (reason !== undefined) log.info('not idle', { reason });
  return reason === undefined;
}

function whyAtWork(kernels: Kernels): string | undefined {
  return kernels.isAnyAtWork ? 'a kernel is at work' : undefined;
}

async function whyComputing({ kernels, cpu, clock }: LookDeps): Promise<string | undefined> {
  const before = await cpu.sample(kernels.livingIds);
  await new Promise<void>((resolve) => {
    clock.after(CPU_MILLISECONDS, resolve);
  });
  const after = await cpu.sample(kernels.livingIds);
  return isRest(before, after) ? undefined : 'the processors are in use';
}

async function whyNotListed(
  { gateway, kernels, clock }: LookDeps,
  { isGatewayNeeded }: LookFor,
): Promise<string | undefined> {
  const askedAt = clock.sinceBoot();
  try {
    kernels.listed(await gateway.listKernels(), askedAt);
    return undefined;
  } catch (error) {
    return isGatewayNeeded ? `the gateway does not answer: ${reasonOf(error)}` : undefined;
  }
}
