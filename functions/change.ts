// A change of one record by whoever asked for it: load -> change -> save, again if somebody else saved in between.
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import { revise } from './revision.ts';
import type { SessionRecord } from './record.ts';
import type { SessionStore } from './store/session-store.ts';

const MAX_ATTEMPTS = 20;

export interface ChangeDeps {
  store: SessionStore;
  clock: Clock;
  config: Config;
}

/**
 * @param change pure; what it throws is thrown, and then nothing is saved
 * @returns undefined when the session is gone
 */
export async function changeSession(
  uid: string,
  change: (record: SessionRecord, now: number) => SessionRecord,
  { store, clock, config }: ChangeDeps,
): Promise<SessionRecord | undefined> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const record = await store.get(uid);
    if (!record) return undefined;
    const now = clock.now();
    const next = revise(record, change(record, now), now, config.bootTimeoutSeconds);
    if (next === record) return record;
    const saved = await store.save(next);
    if (saved) return saved;
  }
  throw new AppError('ABORTED', 'The session was changed by others all the time; try again.', {
    isRetryable: true,
  });
}
