// The functions as a program of the emulator: the real Functions Framework over the real functions.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { findLeashed, statusOf } from '../../emulator/runtime/processes.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { request, signIn, startCloud } from './cloud-fixture.ts';

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

    const programs = () => findLeashed((leash) => leash.endsWith('/functions')).filter(isNode);
    const own = programs().filter((pid) => environmentOf(pid).includes(cloud.stateDir));
    assert.equal(own.length, 1);
    for (const pid of own) process.kill(pid, 'SIGKILL');
    await until('the functions answer again', async () => {
      const { status } = await list().catch(() => ({ status: 0 }));
      return status === 200;
    });
    assert.match(cloud.log.join('\n'), /the functions ended; starting them again/);

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
      findLeashed((leash) => leash.endsWith('/functions')).filter((pid) =>
        environmentOf(pid).includes(stateDir),
      );
    assert.notEqual(leashed().length, 0);
    emulator.kill('SIGKILL');
    await until('the functions are gone', () => leashed().length === 0);
  });

  it('says where to look when they do not start', async (t) => {
    const source = path.join(import.meta.dirname, 'echo-runtime.ts');
    await assert.rejects(startCloud(t, { functions: { source } }), /did not start.*functions\.log/);
  });
});

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
