// Opening the Firestore store costs nothing: Google's client, 0.2 s and 50 MB, is loaded at the first call.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';

const STORE = new URL('../../../functions/store/firestore.ts', import.meta.url);

/** Opens a store, and prints which of Google's packages that has loaded, and which the first call has. */
const PROGRAM = `
import { createRequire } from 'node:module';
import { openFirestoreStore } from ${JSON.stringify(STORE.href)};
const loaded = () => Object.keys(createRequire(import.meta.url).cache)
  .map((file) => /node_modules.(@google-cloud.[^/]+|google-[^/]+)/.exec(file)?.[1])
  .filter((name, index, all) => name !== undefined && all.indexOf(name) === index);
const store = openFirestoreStore({ projectId: 'p', callSeconds: 0.001 });
const before = loaded();
await store.get('a').catch(() => undefined);
console.log(JSON.stringify({ before, after: loaded() }));
process.exit(0);
`;

describe('opening the Firestore store', () => {
  it('loads nothing of Google’s client until the first call', () => {
    const args = ['--input-type=module', '--eval', PROGRAM];
    const env = {
      ...process.env,
      FIRESTORE_EMULATOR_HOST: '127.0.0.1:1',
      METADATA_SERVER_DETECTION: 'none',
    };
    const printed: unknown = JSON.parse(execFileSync(process.execPath, args, { env }).toString());
    assert.ok(typeof printed === 'object' && printed !== null);
    assert.deepEqual(Reflect.get(printed, 'before'), []);
    const after: unknown = Reflect.get(printed, 'after');
    assert.ok(Array.isArray(after) && after.includes('@google-cloud/firestore'), 'it is seen');
  });
});
