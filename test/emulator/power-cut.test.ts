// Every end of the emulator is a power cut, also the one that it does not see coming: what is there afterwards.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { NO_DURATIONS } from '../../emulator/options.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import {
  addressOf,
  insert,
  instanceRequest,
  PROJECT,
  request,
  signIn,
  startCloud,
  untilStatus,
  ZONE,
  type Fields,
} from './cloud-fixture.ts';

const INSTANCES = `/zones/${ZONE}/instances`;

interface Process {
  child: ChildProcess;
  credentials: string;
  compute: string;
  call(method: string, path: string, body?: unknown): Promise<Fields>;
  kill(): Promise<void>;
}

async function startProcess(t: TestContext, stateDir: string): Promise<Process> {
  const program = path.join(import.meta.dirname, 'emulator-process.ts');
  const child = spawn(process.execPath, [program, stateDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  t.after(kill);
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const ready = JSON.parse(line) as { credentials: string; urls: { compute: string } };
  const { access_token: token } = await signIn(ready.credentials);
  const { compute } = ready.urls;
  return {
    child,
    credentials: ready.credentials,
    compute,
    call: async (method, path, body) =>
      (await request(method, `${compute}/projects/${PROJECT}${path}`, body, token)).body,
    kill,
  };
}

function untilSeen(emulator: Process, name: string, status: string): Promise<unknown> {
  return until(`${name} is ${status}`, async () => {
    return (await emulator.call('GET', `${INSTANCES}/${name}`))['status'] === status;
  });
}

async function lastOperation(
  cloud: Awaited<ReturnType<typeof startCloud>>,
  type: string,
): Promise<Fields | undefined> {
  const { body } = await cloud.call('GET', `/zones/${ZONE}/operations`);
  return (body['items'] as Fields[]).findLast(({ operationType }) => operationType === type);
}

describe('after kill -9 of the emulator', () => {
  it('running instances boot again, at the same address, and suspended ones have lost their memory', async (t) => {
    const stateDir = temporaryFolder(t);
    const killed = await startProcess(t, stateDir);
    for (const name of ['runs', 'sleeps', 'stops', 'goes']) {
      await killed.call('POST', INSTANCES, instanceRequest(name));
      await untilSeen(killed, name, 'RUNNING');
    }
    const before = await killed.call('GET', `${INSTANCES}/runs`);
    await killed.call('POST', `${INSTANCES}/sleeps/suspend`);
    await killed.call('POST', `${INSTANCES}/stops/stop`);
    await killed.call('POST', `${INSTANCES}/goes/stop`);
    await killed.call('DELETE', `${INSTANCES}/goes`);
    await untilSeen(killed, 'sleeps', 'SUSPENDING');
    await untilSeen(killed, 'stops', 'STOPPING');
    await killed.kill();

    const cloud = await startCloud(t, { stateDir });
    assert.equal(addressOf(await untilStatus(cloud, 'runs', 'RUNNING')), addressOf(before));
    // Its suspend had not ended: it ran when the power went.
    await untilStatus(cloud, 'sleeps', 'RUNNING');
    assert.match(
      JSON.stringify((await lastOperation(cloud, 'suspend'))?.['error']),
      /power was cut/,
    );
    await untilStatus(cloud, 'stops', 'TERMINATED');
    await until('the deletion has been finished', async () => {
      return (await cloud.call('GET', `${INSTANCES}/goes`)).status === 404;
    });
    await until('every operation is done', async () => {
      const { body } = await cloud.call('GET', `/zones/${ZONE}/operations?filter=status!=DONE`);
      return body['items'] === undefined;
    });
  });

  it('leaves no state file half written, whenever it comes', async (t) => {
    const stateDir = temporaryFolder(t);
    for (let round = 0; round < 5; round += 1) {
      const emulator = await startProcess(t, stateDir);
      const inserts = ['a', 'b', 'c', 'd'].map((name) =>
        emulator.call('POST', INSTANCES, instanceRequest(`${name}${round}`)).catch(() => undefined),
      );
      await Promise.race(inserts);
      await emulator.kill();
      await Promise.all(inserts);
    }
    const cloud = await startCloud(t, { stateDir });
    const { body } = await cloud.call('GET', INSTANCES);
    for (const { name } of body['items'] as Fields[])
      await untilStatus(cloud, String(name), 'RUNNING');
  });
});

describe('after an end in order', () => {
  it('suspended instances are TERMINATED and say why, the console too', async (t) => {
    const cloud = await startCloud(t);
    await insert(cloud, 'one');
    await cloud.operate('POST', `${INSTANCES}/one/suspend`);
    await cloud.emulator.end();
    const again = await startCloud(t, { stateDir: cloud.stateDir });
    const instance = await again.instance('one');
    assert.equal(instance['status'], 'TERMINATED');
    assert.match(String(instance['statusMessage']), /memory is lost/);
    assert.match(again.log.join('\n'), /instance one: .*memory is lost/);
    await again.operate('POST', `${INSTANCES}/one/start`);
    assert.equal((await again.instance('one'))['statusMessage'], undefined);
  });

  it('an instance that was just being made is there', async (t) => {
    const durations = { ...NO_DURATIONS, insertMilliseconds: 60_000 };
    const cloud = await startCloud(t, { durations });
    const { body } = await cloud.call('POST', INSTANCES, instanceRequest('one'));
    await cloud.emulator.end();
    const again = await startCloud(t, { stateDir: cloud.stateDir });
    await untilStatus(again, 'one', 'RUNNING');
    assert.equal((await lastOperation(again, 'insert'))?.['name'], body['name']);
  });

  it('an instance that may not restart stays off', async (t) => {
    const cloud = await startCloud(t);
    await insert(cloud, 'one', { scheduling: { automaticRestart: false } });
    await cloud.emulator.end();
    const again = await startCloud(t, { stateDir: cloud.stateDir });
    assert.equal((await again.instance('one'))['status'], 'TERMINATED');
  });
});

describe('a state folder', () => {
  it('is refused when it belongs to another project or is not ours', async (t) => {
    const cloud = await startCloud(t);
    await cloud.emulator.end();
    const { stateDir } = cloud;
    await assert.rejects(
      startCloud(t, { stateDir, project: 'other' }),
      /holds the emulated project a-project/,
    );
    writeFileSync(path.join(stateDir, 'compute.json'), '{"instances":');
    await assert.rejects(
      startCloud(t, { stateDir }),
      /compute\.json was not written by this version/,
    );
  });

  it('does not get in the way of another one’s emulator', async (t) => {
    const [first, second] = await Promise.all([startCloud(t), startCloud(t)]);
    const [left, right] = await Promise.all([insert(first, 'one'), insert(second, 'one')]);
    assert.notEqual(addressOf(left), addressOf(right));
    assert.notEqual(first.emulator.ready.urls.compute, second.emulator.ready.urls.compute);
  });
});
