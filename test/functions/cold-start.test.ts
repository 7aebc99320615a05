// What a process that has only ever answered `/health` has loaded, and what a wrong environment does to it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startFramework } from './framework-process.ts';

/** Writes down every module that is loaded, imported or required. */
const RECORDER = `
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
registerHooks({ load(url, context, next) { appendFileSync(process.env.LOADED_MODULES, url + '\\n'); return next(url, context); } });
`;
const LATE = [
  'google-auth-library',
  '@google-cloud/compute',
  'google-gax',
  'gaxios',
  'functions/logs.ts',
  'functions/openapi.ts',
];

async function loadedModules(t: Parameters<typeof startFramework>[0], paths: readonly string[]) {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'modules');
  const store = path.join(folder, 'sessions.sqlite');
  const recorder = `data:text/javascript,${encodeURIComponent(RECORDER)}`;
  const api = await startFramework(t, {
    env: { LOADED_MODULES: file, SQLITE_FILE: store },
    nodeArguments: ['--import', recorder],
  });
  for (const at of paths) {
    await fetch(api.url + at, { headers: { authorization: 'Bearer a.b.c' } });
  }
  const modules = readFileSync(file, 'utf8').split('\n');
  return { modules, isStoreOpen: existsSync(store) };
}

describe('a cold start', () => {
  it('answers /health without Google’s clients and without opening the store', async (t) => {
    const { modules, isStoreOpen } = await loadedModules(t, ['/health']);
    assert.equal(isStoreOpen, false);
    assert.ok(
      modules.some((url) => url.endsWith('functions/api.ts')),
      'the recorder works',
    );
    for (const name of LATE) {
      assert.deepEqual(
        modules.filter((url) => url.includes(name)),
        [],
      );
    }
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
