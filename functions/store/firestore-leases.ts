// Who observes which session for everybody, in the Firestore store: part of what firestore.ts opens.
import type { WriteBatch } from '@google-cloud/firestore';
import { writeOnce, type CallFirestore } from '../google/firestore.ts';
import { COLLECTIONS, leaseFields, leaseIn } from './firestore-documents.ts';
import type { SessionStore } from './session-store.ts';

/** Others may take it, and give it back, between our reading and our writing. */
const ATTEMPTS = 3;

export function leasesIn(call: CallFirestore): Pick<SessionStore, 'takeLease' | 'releaseLease'> {
  return {
    takeLease: (uid, holder, now, until) =>
      call(async (use) => {
        const lease = use.database.collection(COLLECTIONS.leases).doc(uid);
        for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
          const found = await lease.get();
          const held = leaseIn(found);
          if (held && held.holder !== holder && held.until > now) return false;
          const fill = (batch: WriteBatch, writeId: string) => {
            const fields = leaseFields(holder, until, writeId);
            if (!found.updateTime) batch.create(lease, fields);
            else batch.update(lease, fields, { lastUpdateTime: found.updateTime });
          };
          if (await writeOnce(use, lease, fill)) return true;
        }
        return false;
      }),
    releaseLease: (uid, holder) =>
      call(async (use) => {
        const lease = use.database.collection(COLLECTIONS.leases).doc(uid);
        const found = await lease.get();
        const { updateTime: lastUpdateTime } = found;
        if (!lastUpdateTime || leaseIn(found)?.holder !== holder) return;
        await writeOnce(use, lease, (batch) => {
          batch.delete(lease, { lastUpdateTime });
        });
      }),
  };
}
