// What the agent of a local session says of its kernels: what it would report to a backend.
import { z } from 'zod';
import { kernelActivity } from '../../functions/contract.ts';

const activity = z.object({
  gatewayReady: z.boolean(),
  kernels: z.array(z.object({ ...kernelActivity.shape })),
});
export type Activity = z.infer<typeof activity>;

const ANSWER_MILLISECONDS = 3_000;

/** Undefined: it does not answer, or not yet, or there is none. */
export async function askActivity(
  port: number | undefined,
  token: string | undefined,
): Promise<Activity | undefined> {
  if (port === undefined || token === undefined) return undefined;
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/datalab/activity`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ANSWER_MILLISECONDS),
    });
    if (answer.ok) return activity.parse(await answer.json());
    await answer.body?.cancel();
    return undefined;
  } catch {
    return undefined;
  }
}
