// What a process that has only ever answered `/health` has loaded, and what a wrong environment does to it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ofThem, recordModules } from '../helpers/loaded-modules.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startFramework } from './framework-process.ts';

const LATE = [
  'google-auth-library',
  '@google-cloud/compute',
  '@google-cloud/firestore',
  'google-gax',
  'gaxios',
  'yaml',
  'functions/logs.ts',
  'functions/openapi.ts',
];

async function loadedModules(t: Parameters<typeof startFramework>[0], paths: readonly string[]) {
  const loaded = recordModules(t);
  const store = path.join(temporaryFolder(t), 'sessions.sqlite');
  const api = await startFramework(t, { env: { ...loaded.env, SQLITE_FILE: store } });
  for (const at of paths) {
    await fetch(api.url + at, { headers: { authorization: 'Bearer a.b.c' } });
  }
  return { modules: loaded.urls(), isStoreOpen: existsSync(store) };
}

describe('a cold start', () => {
  it('answers /health without Google’s clients and without opening the store', async (t) => {
    const { modules, isStoreOpen } = await loadedModules(t, ['/health']);
    assert.equal(isStoreOpen, false);
    assert.ok(
      modules.some((url) => url.endsWith('functions/api.ts')),
      'the recorder works',
    );
    assert.deepEqual(ofThem(modules, LATE), []);
  });

  it('loads what signs in at the first call, and Compute Engine’s client later still', async (t) => {
    const { modules } = await loadedModules(t, ['/v1/sessions']);
    assert.ok(modules.some((url) => url.includes('google-auth-library')));
    assert.ok(!modules.some((url) => url.includes('google-gax')));
  });

  it('ends at once with every problem of its environment', async (t) => {
    const keys = JSON.stringify({ 1: 'c2hvcnQ' });
    const env = {
      ZONE: 'europe',
      SESSION_TOKEN_KEYS: keys,
      COMPUTE_API_URL: 'http://x/compute/v1',
    };
    await assert.rejects(startFramework(t, { env }), (error: Error) => {
      assert.match(error.message, /ZONE: must be the name of a zone/);
      assert.match(error.message, /SESSION_TOKEN_KEYS: needs keys of at least 32 bytes/);
      assert.match(error.message, /COMPUTE_API_URL: must be scheme, host and port only/);
      assert.ok(!error.message.includes('c2hvcnQ'), 'no key is printed');
      return true;
    });
  });
});
