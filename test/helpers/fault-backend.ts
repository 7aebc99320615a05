// A backend in which one call can fail: its own calls to Google are short, its claims too, and its instances are the
// agent alone.
import type { TestContext } from 'node:test';
import type { EmulatorOptions } from '../../emulator/options.ts';
import { startBackend, type Backend } from './backend.ts';
import { createReportingRuntime } from './reporting-runtime.ts';

/** A call that is never answered is given up after a third of a claim. */
const ENVIRONMENT = {
  CLAIM_SECONDS: '6',
  // Longer than a call may take, as it has to be; a function may not run that long in these tests.
  FUNCTION_TIMEOUT_SECONDS: '4',
  BUILD_CLAIM_SECONDS: '5',
  OBSERVE_INTERVAL_SECONDS: '0.2',
  REPORT_INTERVAL_SECONDS: '1',
};

/** Operations take a moment, so that there is something to look at while they are under way. */
const DURATIONS = {
  pendingMilliseconds: 20,
  insertMilliseconds: 60,
  startMilliseconds: 60,
  stopMilliseconds: 60,
  suspendMilliseconds: 60,
  resumeMilliseconds: 60,
  resetMilliseconds: 0,
  deleteMilliseconds: 60,
  schedulerMilliseconds: 0,
  buildQueueMilliseconds: 100,
  buildMilliseconds: 300,
  eventFirstRetryMilliseconds: 50,
  eventLastRetryMilliseconds: 500,
};

export async function startFaultBackend(
  t: Pick<TestContext, 'after'>,
  options: Partial<EmulatorOptions> = {},
  environment: Record<string, string> = {},
): Promise<Backend> {
  const runtime = await createReportingRuntime(t);
  return await startBackend(
    t,
    { runtime, durations: DURATIONS, ...options },
    { ...ENVIRONMENT, ...environment },
  );
}
