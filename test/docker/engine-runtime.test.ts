// Instances whose docker is a real engine: what happens to them happens to their containers too, and nothing of them
// outlives the emulator.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ofEmulator } from '../../emulator/engine/labels.ts';
import { findConfinement } from '../../emulator/runtime/confinement.ts';
import { findLeashed, signal } from '../../emulator/runtime/processes.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { engineHost, requireEngine, type Docker } from './engine.ts';
import { bootAll, brokenFile, countFile, runtimeOf, type InstanceOptions } from './instances.ts';

const KINDS =
  findConfinement().kind === 'namespace' ? (['namespace', 'mark'] as const) : (['mark'] as const);

interface World extends InstanceOptions {
  docker: Docker;
  count: (name: string) => number;
  running: () => Promise<string[]>;
}

for (const kind of KINDS) {
  describe(
    `the docker runtime, its processes held together by a ${kind}`,
    { concurrency: 2 },
    () => {
      it('freezes an instance’s containers with it, and leaves another’s alone', async (t) => {
        const world = openWorld(t, kind, 2);
        if (!world) return;
        const [a = '', b = ''] = world.names;
        const [first, second] = await bootAll(world);
        assert.ok(first && second);
        await until('both count', () => world.count(a) > 3 && world.count(b) > 3, 30);
        await first.freeze();
        const frozenAt = world.count(a);
        const before = world.count(b);
        await until('the other counts on', () => world.count(b) > before + 10);
        assert.equal(world.count(a), frozenAt);
        await first.thaw();
        await until('the thawed one goes on', () => world.count(a) > frozenAt + 3);
        await first.freeze();
        await first.powerOff();
        assert.deepEqual(await world.running(), [`${b}-gateway`]);
        await second.powerOff();
        assert.deepEqual(await world.running(), []);
      });

      it('starts no container during a suspend that was about to start again, but after it', async (t) => {
        const world = openWorld(t, kind, 2);
        if (!world) return;
        const [a = '', b = ''] = world.names;
        const [first, second] = await bootAll(world);
        assert.ok(first && second);
        await until('both count', () => world.count(a) > 3 && world.count(b) > 3, 30);
        const container = `${a}-gateway`;
        writeFileSync(brokenFile(world, a), '');
        await killMainProcess(world.docker, container);
        // Each wait is twice as long as the one before: this one is of seconds.
        const waits = ['inspect', '--format', '{{.State.Status}} {{.RestartCount}}', container];
        await until('it waits', async () =>
          /^restarting ([5-9]|\d\d)$/.test(await world.docker(...waits)),
        );
        await first.freeze();
        rmSync(brokenFile(world, a));
        const brokenAt = world.count(a);
        const before = world.count(b);
        await until('the other counts on', () => world.count(b) > before + 100, 60);
        assert.equal(world.count(a), brokenAt);
        assert.deepEqual(await world.running(), [`${b}-gateway`]);
        await first.thaw();
        await until('it counts again', () => world.count(a) > brokenAt);
        assert.equal(await policyOf(world.docker, container), 'always');
        await Promise.all([first.powerOff(), second.powerOff()]);
        assert.deepEqual(await world.running(), []);
      });

      it('keeps a container over a power cut, and starts it again with its policy', async (t) => {
        const world = openWorld(t, kind, 1);
        if (!world) return;
        const [name = ''] = world.names;
        const container = `${name}-gateway`;
        const [instance] = await bootAll(world);
        await until('it counts', () => world.count(name) > 3, 30);
        const id = await world.docker('inspect', '--format', '{{.Id}}', container);
        await killMainProcess(world.docker, container);
        const killedAt = world.count(name);
        await until('its policy has started it again', () => world.count(name) > killedAt + 3, 30);
        await instance?.powerOff();
        // The machine's next boot starts nothing by itself.
        assert.equal(await policyOf(world.docker, container), 'no');
        const cutAt = world.count(name);
        const [again] = await bootAll(world);
        await until('it counts on', () => world.count(name) > cutAt + 3, 30);
        assert.equal(await policyOf(world.docker, container), 'always');
        assert.equal(await world.docker('inspect', '--format', '{{.Id}}', container), id);
        await again?.powerOff();
      });

      it('asks containers to end when it is shut down, and tells what they print', async (t) => {
        const world = openWorld(t, kind, 1);
        if (!world) return;
        const [name = ''] = world.names;
        const printed: string[] = [];
        const [instance] = await bootAll(world, (container, lines) => {
          printed.push(...lines.map((line) => `${container}: ${line}`));
        });
        await until('it counts', () => world.count(name) > 3, 30);
        await instance?.shutDown();
        assert.deepEqual(printed, [
          `${name}-gateway: counts from 0`,
          `${name}-gateway: asked to end`,
        ]);
        assert.deepEqual(await world.running(), []);
        assert.equal(await policyOf(world.docker, `${name}-gateway`), 'no');
      });

      it('leaves no container running when the emulator is killed, frozen instances included', async (t) => {
        const world = openWorld(t, kind, 2);
        if (!world) return;
        const [a = '', b = ''] = world.names;
        const { docker, ...rest } = world;
        const program = path.join(import.meta.dirname, 'instances.ts');
        const host = spawn(process.execPath, [program, JSON.stringify(rest)], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        await once(host.stdout, 'data');
        await until('both count', () => world.count(a) > 3 && world.count(b) > 3, 30);
        await docker('pause', `${a}-gateway`);
        host.kill('SIGKILL');
        await until(
          'every container is at rest',
          async () => (await world.running()).length === 0,
          30,
        );
        const restsAt = world.count(b);
        await delay(300);
        assert.equal(world.count(b), restsAt);
      });

      it('sweeps away what an emulator has left that could not even end its leash', async (t) => {
        const world = openWorld(t, kind, 1);
        if (!world) return;
        const [name = ''] = world.names;
        await bootAll(world);
        await until('it counts', () => world.count(name) > 3, 30);
        await (await runtimeOf(world)).sweep();
        assert.deepEqual(await world.running(), []);
      });

      it('ends the containers of an instance whose leash was killed', async (t) => {
        const world = openWorld(t, kind, 2);
        if (!world) return;
        const [a = '', b = ''] = world.names;
        const [first, second] = await bootAll(world);
        await until('both count', () => world.count(a) > 3 && world.count(b) > 3, 30);
        const leash = `${world.emulatorId}/${a}`;
        for (const pid of findLeashed((other) => other === leash)) signal(pid, 'SIGKILL');
        assert.equal(await first?.ended, 'lost');
        assert.deepEqual(await world.running(), [`${b}-gateway`]);
        assert.equal(await policyOf(world.docker, `${a}-gateway`), 'no');
        await second?.powerOff();
      });

      it('removes containers and folder of a deleted instance', async (t) => {
        const world = openWorld(t, kind, 1);
        if (!world) return;
        const [name = ''] = world.names;
        const [instance] = await bootAll(world);
        await until('it counts', () => world.count(name) > 3, 30);
        await instance?.powerOff();
        const folder = path.join(world.folder, name);
        await (await runtimeOf(world)).remove({ name, folder });
        assert.ok(!existsSync(folder));
        await assert.rejects(world.docker('inspect', `${name}-gateway`), /no such/i);
      });
    },
  );
}

function openWorld(t: TestContext, kind: World['kind'], count: number): World | undefined {
  const docker = requireEngine(t);
  if (!docker) return undefined;
  const emulatorId = `test-emulator-${randomBytes(4).toString('hex')}`;
  const folder = temporaryFolder(t);
  const names = Array.from({ length: count }, (_, index) => `${emulatorId}-${index}`);
  const options: InstanceOptions = { host: engineHost(), folder, emulatorId, kind, names };
  const all = async () =>
    (await docker('ps', '--all', '--quiet', '--filter', ofEmulator(emulatorId))).split('\n');
  t.after(async () => {
    await (await runtimeOf(options)).sweep();
    const left = (await all()).filter((id) => id !== '');
    if (left.length > 0) await docker('rm', '--force', ...left);
  });
  return {
    ...options,
    docker,
    count: (name) =>
      existsSync(countFile(options, name))
        ? Number(readFileSync(countFile(options, name), 'utf8'))
        : 0,
    running: async () => {
      const args = ['ps', '--format', '{{.Names}}', '--filter', ofEmulator(emulatorId)];
      const listed = await docker(...args);
      return listed.split('\n').filter((line) => line !== '');
    },
  };
}

/** From outside: a container's first process takes no SIGKILL from its own. */
async function killMainProcess(docker: Docker, container: string): Promise<void> {
  process.kill(Number(await docker('inspect', '--format', '{{.State.Pid}}', container)), 'SIGKILL');
}

async function policyOf(docker: Docker, container: string): Promise<string> {
  const format = '{{.HostConfig.RestartPolicy.Name}}';
  return (await docker('inspect', '--format', format, container)).trim();
}
