// The emulated Cloud Scheduler: calls its function every minute of the emulator's clock, with a token that says who
// it is, and never twice at a time. gcloud judges its API in test/contract.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { openOidcState } from '../../emulator/oidc/state.ts';
import { createTokens } from '../../emulator/oidc/tokens.ts';
import { Scheduler } from '../../emulator/scheduler/scheduler.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { PROJECT, request, startCloud, type Cloud, type Fields } from './cloud-fixture.ts';
import { createLeapingClock } from './leaping-clock.ts';

const MINUTE = 60_000;
const ACCOUNT = `datalab-scheduler@${PROJECT}.iam.gserviceaccount.com`;
const JOBS = `v1/projects/${PROJECT}/locations/us-central1/jobs`;

/** A function that answers when the test lets it. */
async function startFunction(t: TestContext) {
  const calls: IncomingMessage[] = [];
  const open: ServerResponse[] = [];
  let status: number | undefined = 200;
  const answer = (response: ServerResponse, code: number) => response.writeHead(code).end();
  const server = createServer((message, response) => {
    calls.push(message);
    if (status === undefined) open.push(response);
    else answer(response, status);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    /** Undefined: the function hangs. */
    respondWith: (code: number | undefined) => {
      status = code;
    },
    release: () => {
      for (const response of open.splice(0)) answer(response, 200);
    },
  };
}

async function start(t: TestContext, intervalMilliseconds = MINUTE) {
  const reap = await startFunction(t);
  const clock = createLeapingClock();
  const stateDir = temporaryFolder(t);
  const tokens = createTokens(openOidcState(stateDir), clock);
  const spec = {
    project: PROJECT,
    location: 'us-central1',
    uri: reap.url,
    serviceAccount: ACCOUNT,
    audience: 'https://reap.example',
  };
  const open = () => {
    const log = () => undefined;
    const scheduler = new Scheduler({ stateDir, spec, tokens, clock, log, intervalMilliseconds });
    t.after(() => scheduler.end());
    return scheduler;
  };
  const scheduler = open();
  const job = () => scheduler.show() as Fields;
  const attempts = (count: number) => until(`${count} attempts`, () => reap.calls.length === count);
  const ended = (status: Fields) =>
    until(`the attempt ended ${JSON.stringify(status)}`, () => {
      return JSON.stringify(job()['status']) === JSON.stringify(status);
    });
  return { reap, clock, scheduler, open, job, attempts, ended };
}

function claimsOf(message: IncomingMessage | undefined): Fields {
  const [, body = ''] = (message?.headers.authorization ?? '').split('.');
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as Fields;
}

describe('the scheduler’s job', () => {
  it('runs at every full minute, and says who calls', async (t) => {
    const { reap, clock, scheduler, job, attempts, ended } = await start(t);
    scheduler.start();
    const next = Date.parse(String(job()['scheduleTime']));
    assert.equal(next % MINUTE, 0);
    assert.ok(next > clock.now() && next <= clock.now() + MINUTE);
    for (const count of [1, 2, 3]) {
      clock.leap(MINUTE);
      await attempts(count);
      await ended({});
    }
    const [first] = reap.calls;
    assert.equal(first?.method, 'POST');
    assert.equal(first.headers['user-agent'], 'Google-Cloud-Scheduler');
    assert.equal(first.headers['x-cloudscheduler-jobname'], 'datalab-reap-idle');
    const { aud, email, email_verified: isVerified } = claimsOf(first);
    assert.deepEqual([aud, email, isVerified], ['https://reap.example', ACCOUNT, true]);
  });

  it('does not run twice at a time: what was due meanwhile follows once', async (t) => {
    const { reap, clock, scheduler, attempts } = await start(t);
    reap.respondWith(undefined);
    scheduler.start();
    clock.leap(MINUTE);
    await attempts(1);
    clock.leap(MINUTE);
    scheduler.run();
    assert.equal(reap.calls.length, 1);
    reap.respondWith(200);
    reap.release();
    await attempts(2);
    clock.leap(MINUTE);
    await attempts(3);
  });

  it('is not repeated when it fails; the next minute is its turn', async (t) => {
    const { reap, clock, scheduler, attempts, ended } = await start(t);
    scheduler.start();
    reap.respondWith(503);
    clock.leap(MINUTE);
    await ended({ code: 14 });
    reap.respondWith(401);
    clock.leap(MINUTE);
    await ended({ code: 16 });
    await attempts(2);
    reap.respondWith(200);
    clock.leap(MINUTE);
    await ended({});
    await attempts(3);
  });

  it('gives a function that hangs up after three minutes', async (t) => {
    const { reap, clock, scheduler, attempts, ended } = await start(t, 0);
    reap.respondWith(undefined);
    scheduler.run();
    await attempts(1);
    clock.leap(3 * MINUTE);
    await ended({ code: 4 });
  });

  it('stays paused when the emulator starts again', async (t) => {
    const { clock, scheduler, open, job, attempts } = await start(t);
    scheduler.start();
    scheduler.setPaused(true);
    assert.equal(job()['scheduleTime'], undefined);
    await scheduler.end();
    const again = open();
    again.start();
    assert.ok(again.isPaused);
    clock.leap(3 * MINUTE);
    again.run();
    await attempts(1);
    again.setPaused(false);
    clock.leap(MINUTE);
    await attempts(2);
  });
});

describe('the scheduler’s API', () => {
  const call = (cloud: Cloud, method: string, path: string) =>
    request(method, `${cloud.emulator.ready.urls.oidc}/${path}`, undefined, cloud.token);

  it('shows the one job with Google’s defaults, and no other', async (t) => {
    const cloud = await startCloud(t);
    const { jobs } = (await call(cloud, 'GET', JOBS)).body as { jobs: Fields[] };
    assert.equal(jobs.length, 1);
    const [job] = jobs;
    assert.equal(job?.['name'], `${JOBS.slice(3)}/datalab-reap-idle`);
    assert.equal(job['schedule'], '* * * * *');
    assert.equal(job['attemptDeadline'], '180s');
    assert.deepEqual((job['httpTarget'] as Fields)['oidcToken'], {
      serviceAccountEmail: ACCOUNT,
      audience: cloud.emulator.ready.urls.reapIdle,
    });
    const elsewhere = JOBS.replace('us-central1', 'us-east1');
    assert.deepEqual((await call(cloud, 'GET', elsewhere)).body, {});
    assert.equal((await call(cloud, 'GET', `${JOBS}/other`)).status, 404);
    assert.equal((await request('GET', `${cloud.emulator.ready.urls.oidc}/${JOBS}`)).status, 401);
  });

  it('pauses and resumes once, and makes no jobs', async (t) => {
    const cloud = await startCloud(t);
    const job = `${JOBS}/datalab-reap-idle`;
    const outcome = async (verb: string) => {
      const { status, body } = await call(cloud, 'POST', `${job}:${verb}`);
      return status === 200 ? body['state'] : (body['error'] as Fields)['status'];
    };
    assert.equal(await outcome('resume'), 'FAILED_PRECONDITION');
    assert.equal(await outcome('pause'), 'PAUSED');
    assert.equal(await outcome('pause'), 'FAILED_PRECONDITION');
    assert.equal(await outcome('resume'), 'ENABLED');
    assert.equal((await call(cloud, 'DELETE', job)).status, 501);
  });
});
