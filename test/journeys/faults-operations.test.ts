// Operations and builds that fail for good. That is told, with what to do next, and doing it works.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Backend } from '../helpers/backend.ts';
import { startFaultBackend } from '../helpers/fault-backend.ts';
import { FAULTS, livesOf } from '../helpers/fault-cases.ts';
import { image, session } from '../../functions/contract.ts';
import {
  countBuilds,
  create,
  instancesOf,
  operationsOf,
  patiently,
  reach,
  STAGES,
  type Stage,
} from '../helpers/whole-life.ts';

interface Failure {
  stage: Stage;
  /** Google's code of the operation's error. */
  code: string;
  /** What the owner is told. */
  words: RegExp;
  /** FAILED only until the next report: nobody has to do anything for the session to be there again. */
  healsTo?: string;
}

const STOCKOUT = 'ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS';
const AGAIN = /Start the session again/;

/** FAILED is right for each: Google has said that it will not do it, and only the owner knows whether to try again. */
const FAILURES: readonly Failure[] = [
  { stage: 'create', code: 'QUOTA_EXCEEDED', words: /CPUS.*ask for more quota; then start/ },
  { stage: 'create', code: 'INTERNAL_ERROR', words: AGAIN },
  { stage: 'create', code: STOCKOUT, words: /no room now.*Zones with room: us-central1-b/ },
  { stage: 'suspend', code: 'INTERNAL_ERROR', words: /INTERNAL_ERROR/, healsTo: 'READY' },
  { stage: 'resume', code: STOCKOUT, words: /no room now: start the session again later/ },
  { stage: 'resume', code: 'INTERNAL_ERROR', words: AGAIN },
  { stage: 'stop', code: 'INTERNAL_ERROR', words: /INTERNAL_ERROR/ },
  { stage: 'start', code: STOCKOUT, words: /no room now: start the session again later/ },
  { stage: 'start', code: 'QUOTA_EXCEEDED', words: /ask for more quota; then start/ },
  { stage: 'delete', code: 'INTERNAL_ERROR', words: /INTERNAL_ERROR/ },
];

/** How the call is made whose operation fails. */
const CALLS: Record<Stage, { method: string; path: string }> = {
  create: { method: 'POST', path: '/instances$' },
  suspend: { method: 'POST', path: '/suspend$' },
  resume: { method: 'POST', path: '/resume$' },
  stop: { method: 'POST', path: '/stop$' },
  start: { method: 'POST', path: '/start$' },
  delete: { method: 'DELETE', path: '/instances/[^/]+$' },
};

describe('an operation that fails for good', () => {
  it('is told with what to do, and doing it works', { concurrency: false }, async (t) => {
    const backend = await startFaultBackend(t);
    for (const [index, failures] of livesOf(FAILURES, 1).entries()) {
      const title = failures.map(({ stage, code }) => `${stage}: ${code}`).join(', ');
      await t.test(title, () => failAndGoOn(backend, failures, `life-${index}`));
    }
    await t.test('or leads on to the next zone, where there is one', () => goToNextZone(backend));
  });
});

async function failAndGoOn(
  backend: Backend,
  failures: readonly Failure[],
  name: string,
): Promise<void> {
  const { you } = backend;
  let id = '';
  for (const { name: stage, ask, state } of STAGES) {
    const failure = failures.find((one) => one.stage === stage);
    const again = stage === 'create' ? { method: 'POST', verb: ':start' } : ask;
    if (failure) {
      const operationError = { code: failure.code };
      const rule = { service: 'compute', ...CALLS[stage], operationError };
      await backend.control('POST', '/faults', rule);
    }
    if (stage === 'create') ({ id } = await create(you, name));
    else await patiently(you, ask.method, `/v1/sessions/${id}${ask.verb}`);
    if (failure) {
      const failed = session.parse(await you.settle(id, 'FAILED'));
      assert.match(failed.error?.message ?? '', failure.words);
      if (failure.healsTo) await you.settle(id, failure.healsTo);
      await patiently(you, again.method, `/v1/sessions/${id}${again.verb}`);
    }
    await reach(you, id, state);
  }
  const operations = await operationsOf(backend, id);
  const isMade = operations.filter(
    ({ operationType, error }) => operationType === 'insert' && !error,
  );
  assert.equal(isMade.length, 1, 'one instance was made');
  assert.equal(operations.filter(({ error }) => error).length, failures.length);
  assert.deepEqual(await instancesOf(backend, id), []);
}

async function goToNextZone(backend: Backend): Promise<void> {
  const rule = { service: 'compute', ...CALLS.create, operationError: { code: STOCKOUT } };
  await backend.control('POST', '/faults', rule);
  const wanted = { fallbackZones: ['us-central1-b'] };
  const { id } = await create(backend.you, 'default', wanted);
  await reach(backend.you, id, 'READY');
  assert.equal((await backend.you.get(id)).instance?.zone, 'us-central1-b');
  assert.equal((await instancesOf(backend, id)).length, 1);
}

describe('a build that fails for good', () => {
  it('is told, whatever becomes of the call for its log, and asking anew works', async (t) => {
    const backend = await startFaultBackend(t, { seedGateway: false });
    const { you } = backend;
    const { id } = await failedBuild(backend, 'no fault', undefined);
    const cases = Object.entries(FAULTS);
    for (const [name, fault] of cases) {
      await patiently(you, 'DELETE', `/v1/sessions/${id}`);
      await failedBuild(backend, name, fault);
    }
    assert.equal(await countBuilds(backend), 1 + cases.length);
    await patiently(you, 'POST', '/v1/image:build');
    const last = await create(you, 'last');
    await reach(you, last.id, 'READY');
    assert.equal(await countBuilds(backend), 2 + cases.length);
  });
});

/** @param fault of the call for the last lines of the build's log: without it they are among the words */
async function failedBuild(backend: Backend, name: string, fault: object | undefined) {
  const { you } = backend;
  const known = image.parse((await patiently(you, 'GET', '/v1/image')).body);
  await backend.control('DELETE', '/faults');
  await backend.control('POST', '/builds/next', { step: 0, exitCode: 1, lines: ['disk is full'] });
  if (fault) await backend.control('POST', '/faults', { service: 'logging', ...fault });
  // The same source is not built again until somebody asks.
  if (known.state === 'FAILED') await patiently(you, 'POST', '/v1/image:build');
  const created = await create(you, `life-${name.replaceAll(' ', '-')}`);
  const failed = session.parse(await you.settle(created.id, 'FAILED'));
  const { message = '' } = failed.error ?? {};
  assert.match(message, /ended with FAILURE.*Ask for a new build/s, name);
  assert.match(message, fault ? /gcloud builds log|https?:/ : /disk is full/, name);
  return created;
}
