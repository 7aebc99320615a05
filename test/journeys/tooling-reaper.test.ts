// Nobody waits and nobody looks: the reaper alone brings sessions to where they were asked to be, and two of it at once
// are no more than one. What a session is, is read from the list, which looks at nothing itself.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { listSessionsResponse } from '../../functions/contract.ts';
import { PROJECT, request, signIn } from '../emulator/cloud-fixture.ts';
import { startBackend, type Backend } from '../helpers/backend.ts';
import { requireProgram } from '../helpers/requires.ts';
import { signInAccount } from '../helpers/service-account.ts';
import { until } from '../helpers/until.ts';

const NAMES = ['one', 'two', 'three'];
const SCHEDULER = `datalab-scheduler@${PROJECT}.iam.gserviceaccount.com`;
const JOB = `/v1/projects/${PROJECT}/locations/us-central1/jobs/datalab-reap-idle`;
const END_SECONDS = 60;
/** A call without a known outcome is due again after a third of it and a second. */
const CLAIM_SECONDS = '18';

const reaped = z.object({ reconciled: z.int(), failed: z.int(), forgotten: z.int() });

describe('the reaper', () => {
  it('alone boots, stops and deletes sessions, and two at once do everything once', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const backend = await startBackend(t, {}, { CLAIM_SECONDS });
    const { you, google } = backend;
    await untilReaperAnswers(backend);
    const token = await signInAccount(backend, SCHEDULER, backend.emulator.ready.urls.reapIdle);
    // Every insert is lost on its way: it is as if the backend had died before it.
    await backend.control('POST', '/faults', {
      ...{ method: 'POST', path: '/instances$', loseRequest: true },
      times: 1000,
    });
    const created = await Promise.all(NAMES.map((name) => you.create({ name })));
    assert.deepEqual(await google.instances(), []);
    await backend.control('DELETE', '/faults');
    await reapTwiceUntil(backend, token, 'READY');
    const machines = await google.instances();
    assert.deepEqual(
      machines.map(({ labels }) => labels['datalab-session']).toSorted(),
      created.map(({ id }) => id).toSorted(),
    );

    for (const { id } of created) await you.ok('POST', `/v1/sessions/${id}:stop`);
    await until('the machines are off', async () =>
      (await google.instances()).every(({ status }) => status === 'TERMINATED'),
    );
    await reapTwiceUntil(backend, token, 'STOPPED');
    for (const { id } of machines) {
      const done = (await google.operations(id)).map(({ operationType }) => operationType);
      assert.deepEqual(done.toSorted(), ['insert', 'stop']);
    }

    for (const { id } of created) await you.ok('DELETE', `/v1/sessions/${id}`);
    await until('the machines are gone', async () => (await google.instances()).length === 0);
    assert.deepEqual(await states(backend), ['DELETING', 'DELETING', 'DELETING']);
    await until('no session is left', async () => {
      await google.call('POST', `${JOB}:run`);
      return (await states(backend)).length === 0;
    });
  });

  it('works for the scheduler alone', async (t) => {
    const backend = await startBackend(t);
    const { urls, credentials } = backend.emulator.ready;
    await untilReaperAnswers(backend);
    const pipeline = `pipeline@${PROJECT}.iam.gserviceaccount.com`;
    const schedulers = await signInAccount(backend, SCHEDULER, urls.reapIdle);
    const callers: [string, string | undefined, number][] = [
      ['nobody', undefined, 401],
      ['a user', (await signIn(credentials)).id_token, 401],
      ['a user’s access token', (await signIn(credentials)).access_token, 401],
      ['another account', await signInAccount(backend, pipeline, urls.reapIdle), 403],
      ['a token for the API', await signInAccount(backend, SCHEDULER, urls.api), 401],
      ['the scheduler', schedulers, 200],
    ];
    for (const [caller, token, expected] of callers) {
      assert.equal(
        (await request('POST', urls.reapIdle, undefined, token)).status,
        expected,
        caller,
      );
    }
    const other = await backend.as(schedulers).call('GET', '/v1/sessions');
    assert.equal(other.status, 401, 'its token is good for the API');
  });
});

/** Two reapers at once, again and again, until the list shows all sessions in that state. */
async function reapTwiceUntil(backend: Backend, token: string, state: string): Promise<void> {
  const { reapIdle } = backend.emulator.ready.urls;
  const reap = async () => {
    const { status, body } = await request('POST', reapIdle, undefined, token);
    assert.equal(status, 200, JSON.stringify(body));
    return reaped.parse(body);
  };
  const isThere = async () => {
    const tallies = await Promise.all([reap(), reap()]);
    const sum = (name: keyof (typeof tallies)[0]) =>
      tallies.reduce((total, tally) => total + tally[name], 0);
    assert.ok(sum('reconciled') <= NAMES.length, 'both have taken the same session');
    assert.equal(sum('failed') + sum('forgotten'), 0);
    return (await states(backend)).every((found) => found === state);
  };
  await until(`all sessions are ${state}`, isThere, END_SECONDS);
}

async function states({ you }: Backend): Promise<string[]> {
  const { sessions } = listSessionsResponse.parse(await you.ok('GET', '/v1/sessions'));
  return sessions.map(({ state }) => state);
}

/** It starts in the background, after the API. */
async function untilReaperAnswers({ emulator }: Backend): Promise<void> {
  await until('the reaper answers', async () => {
    const reply = await fetch(`${emulator.ready.urls.reapIdle}/health`).catch(() => undefined);
    return reply?.ok;
  });
}
