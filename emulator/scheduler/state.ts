// Cloud Scheduler's memory of its one job, and how the API shows it. The job is installed with the backend, as
// `deploy` does it in a real project; pausing it outlives the emulator.
import path from 'node:path';
import { z } from 'zod';
import { openStateFile, type StateFile } from '../state.ts';

const jobRecord = z.object({
  state: z.enum(['ENABLED', 'PAUSED']),
  userUpdateTime: z.string(),
  lastAttemptTime: z.string().optional(),
  scheduleTime: z.string().optional(),
  /** Of the last attempt, as google.rpc.Status; empty when it went well. */
  status: z.object({ code: z.int().optional(), message: z.string().optional() }).optional(),
});
export type JobRecord = z.infer<typeof jobRecord>;
export type JobFile = StateFile<JobRecord>;

/** What never changes while the emulator runs. */
export interface JobSpec {
  project: string;
  /** A region, as the scheduler's locations are. */
  location: string;
  uri: string;
  serviceAccount: string;
  audience: string;
}

export const JOB_ID = 'datalab-reap-idle';
/** Google's default for HTTP targets. */
export const ATTEMPT_MILLISECONDS = 180_000;

/** Whom the ID tokens of its requests name. */
export function schedulerAccount(project: string): string {
  return `datalab-scheduler@${project}.iam.gserviceaccount.com`;
}

export function openJob(stateDir: string, now: string): JobFile {
  return openStateFile(path.join(stateDir, 'scheduler.json'), jobRecord, () => ({
    state: 'ENABLED',
    userUpdateTime: now,
  }));
}

export function jobName({ project, location }: JobSpec): string {
  return `projects/${project}/locations/${location}/jobs/${JOB_ID}`;
}

/** Google's defaults are shown as it shows them: a failed attempt is not repeated, the next minute is its turn. */
export function showJob(spec: JobSpec, record: JobRecord): object {
  return {
    name: jobName(spec),
    description: 'Puts idle sessions of Datalab to sleep',
    httpTarget: {
      uri: spec.uri,
      httpMethod: 'POST',
      headers: { 'User-Agent': 'Google-Cloud-Scheduler' },
      oidcToken: { serviceAccountEmail: spec.serviceAccount, audience: spec.audience },
    },
    ...record,
    schedule: '* * * * *',
    timeZone: 'Etc/UTC',
    retryConfig: {
      maxRetryDuration: '0s',
      minBackoffDuration: '5s',
      maxBackoffDuration: '3600s',
      maxDoublings: 5,
    },
    attemptDeadline: `${ATTEMPT_MILLISECONDS / 1000}s`,
  };
}
