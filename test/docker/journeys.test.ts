// What a user does, with containers throughout: the image is built, instances boot it, and what happens to their containers
// loses nothing that could be kept. One emulator for all of them, since pushing the image takes longest.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import type { SessionView } from '../../functions/contract.ts';
import { kernelsOf, newKernel, run, type Gateway } from '../helpers/jupyter-front-end.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { startDockerCloud, type DockerCloud } from './cloud.ts';
import { MAY_BUILD, requireEngine, type Docker } from './engine.ts';
import { listen } from './listener.ts';
import { startIndex } from './package-index.ts';
import { plainImage } from './plain-image.ts';
import { writeWheel } from './wheel.ts';

/** The image is built, if nothing of it is in the engine's cache, and pushed. */
const BUILD_SECONDS = 900;
const START = ['start', '--ui', 'none'];

interface World {
  docker: Docker;
  cloud: DockerCloud;
}

describe('a session on the docker runtime', { timeout: 2_400_000 }, () => {
  let world: World | undefined;
  /** Clients outlive the test that began them. */
  const ends: Parameters<TestContext['after']>[0][] = [];
  const all: Pick<TestContext, 'after'> = { after: (end) => void ends.push(end) };

  async function open(t: TestContext): Promise<World | undefined> {
    const docker = requireEngine(t);
    if (!docker) return undefined;
    return (world ??= { docker, cloud: await startDockerCloud(all, docker) });
  }

  after(async () => {
    await world?.cloud.end();
    for (const end of ends.reverse()) await (end as (() => unknown) | undefined)?.();
  });

  it('has the missing image built by Cloud Build, step by step, and runs a cell in its container', async (t) => {
    const { docker, cloud } = (await open(t)) ?? {};
    if (!docker || !cloud) return;
    const client = cloud.client(...START, temporaryFolder(t));
    await client.event('the build', isBuilding, BUILD_SECONDS);
    const { session, gateway } = await client.ready(BUILD_SECONDS);
    const { lines } = await cloud.api.imageLogs({ limit: 1000 });
    assert.ok(lines.some(({ text }) => text.includes('Step #1 - "image": Successfully built')));
    const container = `${session.instance?.name ?? ''}-gateway`;
    const kernel = await newKernel(gateway);
    const hostname = await run(gateway, kernel, 'import socket; print(socket.gethostname())');
    const id = await docker('inspect', '--format', '{{.Id}}', container);
    assert.equal(hostname.trim(), id.slice(0, 12));
    assert.match(await run(gateway, kernel, 'import sklearn, pandas; 6 * 7'), /42/);
    client.signal('SIGINT');
    assert.equal(await client.ended, 0);
    // The emulator goes on, and so does the kernel.
    assert.ok(await cloud.isRunning(container));
  });

  it('shows what its gateway and its agent print, and what comes later', async (t) => {
    const { cloud } = (await open(t)) ?? {};
    if (!cloud) return;
    const { client, gateway } = await startSession(t, cloud);
    await until('the gateway’s first lines', async () =>
      (await logOf(cloud, 'gateway')).some((line) => /Jupyter Server .* is running at/.test(line)),
    );
    const agent = await logOf(cloud, 'agent');
    assert.ok(
      agent.some((line) => line.includes('"event":"registered"')),
      agent.join('\n'),
    );
    const following = cloud.client('logs', 'gateway', '--follow');
    await following.event('what was there', (event) => textOf(event).includes('is running at'));
    const later = 'printed by a program that a cell has started';
    const code = `import os; _ = os.system("echo ${later}")`;
    await run(gateway, await newKernel(gateway), code);
    await following.event('a later line', (event) => textOf(event).includes(later));
    following.signal('SIGINT');
    assert.equal(await following.ended, 0);
    // Once, although it was followed, and of the right one.
    const isLater = (line: string) => line.includes(later);
    assert.equal((await logOf(cloud, 'gateway')).filter(isLater).length, 1);
    assert.ok(!(await logOf(cloud, 'agent')).some(isLater));
    client.signal('SIGINT');
    await client.ended;
  });

  it('keeps its variables over a sleep, in which its containers stand still', async (t) => {
    const { docker, cloud } = (await open(t)) ?? {};
    if (!docker || !cloud) return;
    const first = await startSession(t, cloud);
    const kernel = await newKernel(first.gateway);
    await run(first.gateway, kernel, 'x = 41');
    await cloud.api.suspendSession(first.session.id);
    await until('it sleeps', async () => (await stateOf(cloud, first.session)) === 'SUSPENDED');
    for (const name of ['gateway', 'agent']) {
      const format = '{{.State.Status}}';
      const status = await docker('inspect', '--format', format, containerOf(first.session, name));
      assert.equal(status.trim(), 'paused', name);
    }
    assert.equal(await first.client.ended, 0);
    const second = await startSession(t, cloud);
    assert.equal((await run(second.gateway, kernel, 'x + 1')).trim(), '42');
    second.client.signal('SIGINT');
    await second.client.ended;
  });

  it('has its kernels after the agent’s main process was killed', async (t) => {
    const { cloud } = (await open(t)) ?? {};
    if (!cloud) return;
    const { client, gateway, session } = await startSession(t, cloud);
    const kernel = await newKernel(gateway);
    await run(gateway, kernel, 'x = 41');
    await cloud.killMainProcess(containerOf(session, 'agent'));
    assert.equal((await patiently(gateway, kernel, 'x + 1')).trim(), '42');
    client.signal('SIGINT');
    await client.ended;
  });

  it('comes back after the gateway’s main process was killed, and says that the kernels are gone', async (t) => {
    const { cloud } = (await open(t)) ?? {};
    if (!cloud) return;
    const { client, gateway, session } = await startSession(t, cloud);
    const kernel = await newKernel(gateway);
    const told = await listen(gateway, kernel);
    t.after(() => {
      told.close();
    });
    told.execute('import time; print("runs"); time.sleep(600)');
    await until('it runs', () => told.texts().includes('runs\n'));
    await cloud.killMainProcess(containerOf(session, 'gateway'));
    const answer = await until('the cell is answered', () => told.reply(), 60);
    assert.equal(answer.status, 'aborted');
    assert.match(told.errors().join(), /the kernel went: it was stopped, or its end was not seen/);
    // Then a front-end asks for the kernel, and hears that there is none.
    await until('its connection is ended', () => told.isEnded(), 60);
    const again = await until('there is a gateway again', () => {
      return newKernel(gateway).catch(() => undefined);
    });
    assert.ok(!(await kernelsOf(gateway)).includes(kernel));
    assert.equal((await run(gateway, again, '6 * 7')).trim(), '42');
    client.signal('SIGINT');
    await client.ended;
  });

  it('keeps its digest when the image is extended, which new sessions have with the new package', async (t) => {
    const { cloud } = (await open(t)) ?? {};
    if (!cloud) return;
    const folder = temporaryFolder(t);
    const wheel = writeWheel(folder, 'datalab_probe', '1.0', 'NAME = "from a wheel"\n');
    const index = await startIndex(t, folder, { 'datalab-probe': wheel });
    const requirements = path.join(folder, 'requirements.txt');
    writeFileSync(requirements, `--index-url ${index}\ndatalab-probe==1.0\n`);
    const old = await startSession(t, cloud);
    const kernel = await newKernel(old.gateway);
    await run(old.gateway, kernel, 'x = 41');

    const extension = cloud.client('image', 'extend', '--requirements', requirements);
    await extension.event('built', ({ event }) => event === 'built', BUILD_SECONDS);
    assert.equal(await extension.ended, 0);
    const young = await startSession(t, cloud, ['--name', 'young']);
    assert.notEqual(young.session.image, old.session.image);
    const code = 'import datalab_probe; print(datalab_probe.NAME)';
    const said = await run(young.gateway, await newKernel(young.gateway), code);
    assert.equal(said.trim(), 'from a wheel');
    assert.equal((await cloud.api.getSession(old.session.id)).image, old.session.image);
    assert.equal((await run(old.gateway, kernel, 'x + 1')).trim(), '42');
    for (const { client } of [old, young]) client.signal('SIGINT');
    await Promise.all([old.client.ended, young.client.ended]);
    await cloud.api.deleteSession(young.session.id);
    await until('its containers are gone', async () => (await cloud.containers()).length === 2);
  });

  it('is there again, with its files, after everything was killed at once', async (t) => {
    const { docker, cloud } = (await open(t)) ?? {};
    if (!docker || !cloud) return;
    const first = await startSession(t, cloud);
    await run(first.gateway, await newKernel(first.gateway), "open('kept', 'w').write('here')");
    assert.equal((await cloud.running()).length, 2);
    await cloud.kill();
    first.client.signal('SIGKILL');
    await until('its containers are at rest', async () => (await cloud.running()).length === 0);
    world = { docker, cloud: await startDockerCloud(all, docker, cloud.stateDir) };
    const second = await startSession(t, world.cloud);
    assert.equal(second.session.id, first.session.id);
    const kernel = await newKernel(second.gateway);
    assert.equal((await run(second.gateway, kernel, "print(open('kept').read())")).trim(), 'here');
  });
});

describe('an image that the project has pushed', MAY_BUILD, () => {
  it('is run without a build, whoever has made it, and its kernels survive as ours do', async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const cloud = await startDockerCloud(t, docker);
    t.after(() => cloud.end());
    const name = `${cloud.registry}/datalab-emulator/datalab-gateway:latest`;
    await docker('tag', await plainImage(docker), name);
    t.after(() => docker('rmi', name));
    const digest = await cloud.push(name);
    const { client, gateway, session } = await startSession(t, cloud);
    assert.equal(session.image, `gcr.io/datalab-emulator/datalab-gateway@${digest}`);
    assert.ok(!client.events.some(isBuilding));
    const kernel = await newKernel(gateway);
    await run(gateway, kernel, 'x = 41');
    await cloud.killMainProcess(containerOf(session, 'agent'));
    assert.equal((await patiently(gateway, kernel, 'x + 1')).trim(), '42');
    client.signal('SIGINT');
    await client.ended;
    await cloud.api.deleteSession(session.id);
    await until('no container is left', async () => (await cloud.containers()).length === 0);
  });
});

async function logOf(cloud: DockerCloud, source: string): Promise<string[]> {
  const client = cloud.client('logs', source, '--lines', '1000');
  assert.equal(await client.ended, 0, client.stderr());
  return client.events.map(textOf);
}

function textOf({ text }: Record<string, unknown>): string {
  return typeof text === 'string' ? text : '';
}

function isBuilding({ event, stage, message = '' }: Record<string, unknown>): boolean {
  return event === 'stage' && stage === 'Image' && /^BUILDING_IMAGE/.test(String(message));
}

interface Started {
  client: ReturnType<DockerCloud['client']>;
  session: SessionView;
  gateway: Gateway;
}

async function startSession(
  t: TestContext,
  cloud: DockerCloud,
  more: readonly string[] = [],
): Promise<Started> {
  const client = cloud.client(...START, ...more, temporaryFolder(t));
  const { session, gateway } = await client.ready(BUILD_SECONDS);
  return { client, session, gateway };
}

function containerOf({ instance }: SessionView, name: string): string {
  return `${instance?.name ?? ''}-${name}`;
}

async function stateOf({ api }: DockerCloud, { id }: SessionView): Promise<string> {
  return (await api.getSession(id)).state;
}

/** While there is no way to the kernel a new front-end is refused, as it is to be. */
async function patiently(gateway: Gateway, kernel: string, code: string): Promise<string> {
  return await until('the kernel answers', () => run(gateway, kernel, code).catch(() => undefined));
}
