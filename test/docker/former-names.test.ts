// Images on the engine that an emulator has named by a port which it has no more.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { openEngine } from '../../emulator/engine/engine.ts';
import { runEmulator } from '../../emulator/main.ts';
import { NO_DURATIONS } from '../../emulator/options.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { engineHost, MAY_BUILD, requireEngine, type Docker } from './engine.ts';

const PROJECT = 'datalab-test-names';

/** Starts an emulator of this folder and ends it. @returns its port */
async function runOnce(t: TestContext, stateDir: string, port?: number): Promise<number> {
  const emulator = await runEmulator({
    ...{ stateDir, project: PROJECT, zone: 'europe-west1-b', functions: false },
    searchPath: process.env['PATH'] ?? '',
    durations: NO_DURATIONS,
    engine: await openEngine({ ...process.env, DOCKER_HOST: engineHost() }),
    ...(port === undefined ? {} : { port }),
  });
  t.after(() => emulator.end());
  await emulator.end();
  return Number(new URL(emulator.ready.urls.registry).port);
}

/** Listens where an emulator has listened. */
async function take(t: TestContext, port = 0) {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    if (server.listening) await once(server.close(), 'close');
  };
  t.after(close);
  return { port: (server.address() as AddressInfo).port, close };
}

async function freePort(t: TestContext): Promise<number> {
  const { port, close } = await take(t);
  await close();
  return port;
}

async function namesOf(docker: Docker, port: number): Promise<string[]> {
  const filter = `reference=127.0.0.1:${port}/${PROJECT}/*`;
  const listed = await docker('images', '--format', '{{.Repository}}:{{.Tag}}', '--filter', filter);
  return listed.split('\n').filter((line) => line !== '');
}

describe('names of images from an emulator’s former port', MAY_BUILD, () => {
  it('go when it has another one, but for what somebody else has named', async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const stateDir = temporaryFolder(t);
    const first = await runOnce(t, stateDir);
    const image = (port: number) => `127.0.0.1:${port}/${PROJECT}/datalab-agent`;
    assert.deepEqual(await namesOf(docker, first), [`${image(first)}:latest`]);
    const other = `127.0.0.1:${first}/${PROJECT}/datalab-gateway:other`;
    await docker('tag', 'debian:trixie-slim', other);
    t.after(() => docker('rmi', other));
    // As an instance has pulled it.
    const digests = '{{range .RepoDigests}}{{println .}}{{end}}';
    const known = await docker('image', 'inspect', '--format', digests, `${image(first)}:latest`);
    assert.ok(known.includes(`${image(first)}@sha256:`), known);

    // Who has the port now may be another emulator.
    const somebody = await take(t, first);
    const second = await runOnce(t, stateDir);
    assert.notEqual(second, first);
    assert.deepEqual((await namesOf(docker, first)).sort(), [`${image(first)}:latest`, other]);
    await somebody.close();

    const third = await runOnce(t, stateDir, await freePort(t));
    t.after(() => docker('rmi', `${image(third)}:latest`));
    assert.deepEqual(await namesOf(docker, first), [other]);
    assert.deepEqual(await namesOf(docker, second), []);
    assert.deepEqual(await namesOf(docker, third), [`${image(third)}:latest`]);
    const left = await docker('image', 'inspect', '--format', digests, `${image(third)}:latest`);
    assert.ok(!left.includes(`127.0.0.1:${first}/`) && !left.includes(`127.0.0.1:${second}/`));
  });
});
