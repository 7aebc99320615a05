// A whole life with the sessions in Firestore, Google's own emulator of it: what is true of SQLite is true of it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PROJECT } from '../emulator/cloud-fixture.ts';
import { startBackend } from '../helpers/backend.ts';
import {
  skipWithoutFirestoreEmulator,
  startFirestoreEmulator,
  type FirestoreEmulator,
} from '../helpers/firestore-emulator.ts';
import { only } from '../helpers/google-world.ts';
import { kernelsOf, newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';

describe(
  'a backend that keeps its sessions in Firestore',
  { skip: skipWithoutFirestoreEmulator() },
  () => {
    let firestore: FirestoreEmulator;

    before(async () => {
      firestore = await startFirestoreEmulator();
    });

    after(() => firestore.stop());

    it('creates, suspends, wakes and deletes a session', async (t) => {
      if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
      const { you, google, stateDir } = await startBackend(
        t,
        {},
        { SESSION_STORE: 'firestore', FIRESTORE_EMULATOR_HOST: firestore.host },
      );
      const created = await Promise.all(Array.from({ length: 5 }, () => you.create()));
      const id = only([...new Set(created.map((view) => view.id))]);
      assert.equal(await statusOfRecord(firestore, id), 200);
      await you.settle(id, 'READY');
      const gateway = await you.gateway(id);
      const kernel = await newKernel(gateway);
      assert.equal((await run(gateway, kernel, 'x = 41; x + 1')).trim(), '42');

      await you.ok('POST', `/v1/sessions/${id}:suspend`);
      await you.settle(id, 'SUSPENDED');
      assert.equal(only(await google.instances()).status, 'SUSPENDED');
      await you.ok('POST', `/v1/sessions/${id}:start`);
      await you.settle(id, 'READY');
      const awake = await you.gateway(id);
      assert.deepEqual(await kernelsOf(awake), [kernel]);
      assert.equal((await run(awake, kernel, 'x + 1')).trim(), '42');

      await you.ok('DELETE', `/v1/sessions/${id}`);
      await you.settle(id, 'GONE');
      assert.deepEqual(await google.instances(), []);
      assert.deepEqual(await you.ok('GET', '/v1/sessions'), { sessions: [] });
      await you.ok('DELETE', `/v1/sessions/${id}`);
      assert.equal(await statusOfRecord(firestore, id), 404);
      assert.ok(!existsSync(path.join(stateDir, 'sessions.sqlite')), 'there is a second store');
    });
  },
);

/** Of the session's document, read as nobody of the product does: over REST. */
async function statusOfRecord({ host }: FirestoreEmulator, id: string): Promise<number> {
  const documents = `v1/projects/${PROJECT}/databases/(default)/documents`;
  const reply = await fetch(`http://${host}/${documents}/datalab-sessions/${id}`, {
    headers: { authorization: 'Bearer owner' },
  });
  await reply.body?.cancel();
  return reply.status;
}
