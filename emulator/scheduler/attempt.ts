// One attempt of the job: a POST to the function with an ID token, as Cloud Scheduler sends it, and what became
// of it as a google.rpc.Status.
import type { Clock } from '../clock.ts';
import { serviceAccountIdentity } from '../oidc/service-account.ts';
import type { Tokens } from '../oidc/tokens.ts';
import { ATTEMPT_MILLISECONDS, JOB_ID, type JobRecord, type JobSpec } from './state.ts';

type Status = NonNullable<JobRecord['status']>;

const UNKNOWN = 2;
const DEADLINE_EXCEEDED = 4;
const UNAVAILABLE = 14;
/** HTTP status of the function -> google.rpc.Code. */
const CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  409: 10,
  429: 8,
  499: 1,
  500: 13,
  501: 12,
  503: 14,
  504: 4,
};

/** Never rejects. @param signal ends it early, with the emulator */
export async function attemptJob(
  spec: JobSpec,
  scheduleTime: string,
  tokens: Tokens,
  clock: Clock,
  signal: AbortSignal,
): Promise<Status> {
  const limit = new AbortController();
  const cancel = clock.after(ATTEMPT_MILLISECONDS, () => {
    limit.abort();
  });
  try {
    const reply = await fetch(spec.uri, {
      method: 'POST',
      headers: headersOf(spec, scheduleTime, tokens),
      signal: AbortSignal.any([signal, limit.signal]),
    });
    await reply.body?.cancel();
    return reply.ok ? {} : { code: CODES[reply.status] ?? UNKNOWN };
  } catch {
    return { code: limit.signal.aborted ? DEADLINE_EXCEEDED : UNAVAILABLE };
  } finally {
    cancel();
  }
}

function headersOf(spec: JobSpec, scheduleTime: string, tokens: Tokens): Record<string, string> {
  const { serviceAccount: email, audience } = spec;
  const { subject } = serviceAccountIdentity(email);
  const token = tokens.issueIdToken({
    aud: audience,
    azp: subject,
    sub: subject,
    email,
    email_verified: true,
  });
  return {
    authorization: `Bearer ${token}`,
    'user-agent': 'Google-Cloud-Scheduler',
    'x-cloudscheduler': 'true',
    'x-cloudscheduler-jobname': JOB_ID,
    'x-cloudscheduler-scheduletime': scheduleTime,
  };
}
