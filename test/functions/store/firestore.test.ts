// The Firestore store on Google's own emulator: the contract of all stores.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Firestore } from '@google-cloud/firestore';
import { openFirestoreStore } from '../../../functions/store/firestore.ts';
import {
  newProjectId,
  skipWithoutFirestoreEmulator,
  startFirestoreEmulator,
  type FirestoreEmulator,
} from '../../helpers/firestore-emulator.ts';
import { aRecord, describeStore } from './store-contract.ts';

let emulator: FirestoreEmulator;

describe('with the Firestore emulator', { skip: skipWithoutFirestoreEmulator() }, () => {
  before(async () => {
    // Where there is no metadata server the client need not look for one.
    process.env['METADATA_SERVER_DETECTION'] = 'none';
    emulator = await startFirestoreEmulator();
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host;
  });

  after(async () => {
    await emulator.stop();
  });

  describeStore('Firestore', () => {
    const projectId = newProjectId();
    return {
      store: openFirestoreStore({ projectId }),
      rewrite: async (uid, change) => {
        const session = new Firestore({ projectId }).collection('datalab-sessions').doc(uid);
        const text = String((await session.get()).get('record'));
        await session.update({ record: change(text) });
      },
    };
  });

  it('keeps databases of one project apart', async () => {
    const projectId = newProjectId();
    const one = openFirestoreStore({ projectId });
    const other = openFirestoreStore({ projectId, databaseId: 'other' });
    await one.create(aRecord('a'));
    assert.equal(await other.get('a'), undefined);
    assert.ok(await openFirestoreStore({ projectId, databaseId: '(default)' }).get('a'));
  });
});
