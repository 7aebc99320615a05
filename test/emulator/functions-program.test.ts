// The functions as a program of the emulator: the real Functions Framework over the real functions.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../emulator/clock.ts';
import { startFunction } from '../../emulator/functions-program.ts';
import { findLeashed, statusOf } from '../../emulator/runtime/processes.ts';
import { inTime } from '../helpers/in-time.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { request, signIn, startCloud, type Fields } from './cloud-fixture.ts';

describe('the functions program', () => {
  it('answers the API to the emulated user, comes back when killed, and is gone at the end', async (t) => {
    const cloud = await startCloud(t, { functions: {} });
    const { api } = cloud.emulator.ready.urls;
    assert.equal((await request('GET', `${api}/health`)).status, 200);
    const { id_token: idToken } = await signIn(cloud.emulator.ready.credentials);
    const list = () => request('GET', `${api}/v1/sessions`, undefined, idToken);
    const first = await list();
    assert.deepEqual(
      { status: first.status, body: first.body },
      { status: 200, body: { sessions: [] } },
    );
    const stranger = await request('GET', `${api}/v1/sessions`, undefined, 'a.b.c');
    assert.equal(stranger.status, 401);

    const programs = () => findLeashed((leash) => leash.endsWith('/functions/api')).filter(isNode);
    const own = programs().filter((pid) => environmentOf(pid).includes(cloud.stateDir));
    assert.equal(own.length, 1);
    for (const pid of own) process.kill(pid, 'SIGKILL');
    await until('the functions answer again', async () => {
      const { status } = await list().catch(() => ({ status: 0 }));
      return status === 200;
    });
    assert.match(cloud.log.join('\n'), /the function api ended; starting it again/);

    await cloud.emulator.end();
    assert.deepEqual(
      programs().filter((pid) => environmentOf(pid).includes(cloud.stateDir)),
      [],
    );
  });

  it('dies with an emulator that is killed', async (t) => {
    const stateDir = temporaryFolder(t);
    const program = path.join(import.meta.dirname, 'emulator-process.ts');
    const emulator = spawn(process.execPath, [program, stateDir, 'functions'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => emulator.kill('SIGKILL'));
    await once(createInterface(emulator.stdout), 'line');
    const leashed = () =>
      findLeashed((leash) => leash.includes('/functions/')).filter((pid) =>
        environmentOf(pid).includes(stateDir),
      );
    assert.notEqual(leashed().length, 0);
    emulator.kill('SIGKILL');
    await until('the functions are gone', () => leashed().length === 0);
  });

  it('runs what the scheduler and Pub/Sub call, each on a port of its own that it keeps', async (t) => {
    const { functions, requests } = threeFunctions(t);
    const cloud = await startCloud(t, { functions });
    const { urls } = cloud.emulator.ready;
    const { environment } = (await request('GET', urls.api)).body as { environment: Fields };
    assert.equal(environment['REAP_URL'], urls.reapIdle);
    assert.equal(environment['IAP_API_URL'], urls.oidc);
    assert.match(String(environment['PROJECT_NUMBER']), /^\d{12}$/);
    const event = {
      specversion: '1.0',
      id: '1',
      type: 'google.cloud.pubsub.topic.v1.messagePublished',
      source: '//pubsub.googleapis.com/projects/a-project/topics/cloud-builds',
      data: { message: { data: 'e30=' } },
    };
    await until('both have answered', async () => {
      const answers = [post(urls.onBuildFinished, event), post(urls.reapIdle, {})];
      return (await Promise.all(answers)).every((status) => status < 300);
    });
    const targets = requests().map(({ target }) => target);
    assert.ok(targets.includes('reapIdle') && targets.includes('onBuildFinished'), targets.join());
    await cloud.emulator.end();
    const again = await startCloud(t, { stateDir: cloud.stateDir, functions });
    assert.deepEqual(again.emulator.ready.urls, urls);
  });

  it('does without a function that is not there, and says so', async (t) => {
    const { functions } = threeFunctions(t, { MISSING: 'reapIdle' });
    const cloud = await startCloud(t, { functions });
    await until('it has been tried twice', () => {
      const tries = cloud.log.filter((line) => line.startsWith('the function reapIdle ended'));
      return tries.length >= 2;
    });
    const log = readFileSync(path.join(cloud.stateDir, 'functions-reapIdle.log'), 'utf8');
    assert.match(log, /Function 'reapIdle' is not defined/);
    assert.equal((await request('GET', cloud.emulator.ready.urls.api)).status, 200);
  });

  it('says where to look when they do not start', async (t) => {
    const source = path.join(import.meta.dirname, 'echo-runtime.ts');
    await assert.rejects(startCloud(t, { functions: { source } }), /did not start.*functions\.log/);
  });

  it('says so also when somebody else has taken their port, and never answers there', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    const callers: Socket[] = [];
    other.on('connection', (socket) => callers.push(socket));
    t.after(() => {
      for (const socket of callers) socket.destroy();
      other.close();
    });
    await once(other, 'listening');
    const stateDir = temporaryFolder(t);
    const starting = startFunction({
      source: path.join(import.meta.dirname, 'three-functions.ts'),
      target: { name: 'api', signatureType: 'http' },
      port: (other.address() as AddressInfo).port,
      logFile: path.join(stateDir, 'functions.log'),
      emulatorId: `test-${process.pid}`,
      searchPath: process.env['PATH'] ?? '',
      environment: {},
      clock: systemClock,
      log: () => undefined,
      stateDir,
    });
    await assert.rejects(
      inTime('an end of the start', starting, 60),
      /did not start.*functions\.log/,
    );
  });
});

function threeFunctions(t: TestContext, environment: Record<string, string> = {}) {
  const file = path.join(temporaryFolder(t), 'requests');
  writeFileSync(file, '');
  return {
    functions: {
      source: path.join(import.meta.dirname, 'three-functions.ts'),
      environment: { REQUESTS_FILE: file, ...environment },
    },
    requests: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { target: string; headers: Record<string, string> }),
  };
}

async function post(url: string, body: unknown): Promise<number> {
  const headers = { 'content-type': 'application/cloudevents+json' };
  try {
    return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status;
  } catch {
    return 599; // It is not there yet.
  }
}

/** The framework, and not the shell that holds its leash. */
function isNode(pid: number): boolean {
  return statusOf(pid)?.parent !== process.pid;
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return ''; // It has ended meanwhile.
  }
}
