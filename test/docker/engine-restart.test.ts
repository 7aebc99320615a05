// Instances on an engine that is started again under them, and on a machine that is.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { ofEmulator } from '../../emulator/engine/labels.ts';
import { findLeashed, signal } from '../../emulator/runtime/processes.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { bootAll, countFile, runtimeOf, type InstanceOptions } from './instances.ts';
import { startOwnEngine, type OwnEngine } from './own-engine.ts';

const NAME = 'one';
const CONTAINER = `${NAME}-gateway`;

interface World extends OwnEngine {
  options: InstanceOptions;
  count(): number;
  running(): Promise<string>;
  policy(): Promise<string>;
}

async function openWorld(t: TestContext): Promise<World | undefined> {
  const engine = await startOwnEngine(t, 'debian:trixie-slim');
  if (!engine) return undefined;
  const { host, docker } = engine;
  const emulatorId = `test-restart-${process.pid}`;
  const folder = temporaryFolder(t);
  const options: InstanceOptions = { host, folder, emulatorId, kind: 'mark', names: [NAME] };
  const file = countFile(options, NAME);
  return {
    ...{ ...engine, options },
    count: () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0),
    running: () => docker('ps', '--format', '{{.Names}}', '--filter', ofEmulator(emulatorId)),
    policy: () => docker('inspect', '--format', '{{.HostConfig.RestartPolicy.Name}}', CONTAINER),
  };
}

describe('the docker runtime', { timeout: 300_000 }, () => {
  it('tells what containers print also after the engine was started again', async (t) => {
    const world = await openWorld(t);
    if (!world) return;
    const printed: string[] = [];
    const [instance] = await bootAll(world.options, (_, lines) => void printed.push(...lines));
    t.after(() => instance?.powerOff());
    await until('it counts', () => world.count() > 3, 60);
    await world.restart();
    const begins = () => printed.filter((line) => line.startsWith('counts from'));
    await until('its second beginning is told', () => begins().length > 1, 60);
    assert.deepEqual(
      printed.map((line) => line.replace(/\d+/, 'N')),
      ['counts from N', 'asked to end', 'counts from N'],
    );
    await instance?.powerOff();
    assert.equal(await world.running(), '');
  });

  it('ends what an engine has started by itself at the machine’s boot, and takes it up again', async (t) => {
    const world = await openWorld(t);
    if (!world) return;
    const { options, docker } = world;
    const program = path.join(import.meta.dirname, 'instances.ts');
    const host = spawn(process.execPath, [program, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => host.kill('SIGKILL'));
    await once(host.stdout, 'data');
    await until('it counts', () => world.count() > 3, 60);
    const id = await docker('inspect', '--format', '{{.Id}}', CONTAINER);

    // Nobody has the time to end anything.
    const leashed = findLeashed((leash) => leash.startsWith(`${options.emulatorId}/`));
    for (const pid of leashed) signal(pid, 'SIGKILL');
    host.kill('SIGKILL');
    await world.reboot();
    const bootedAt = world.count();
    await until('the engine has started it', () => world.count() > bootedAt, 60);
    assert.equal(await world.policy(), 'always');

    await (await runtimeOf(options)).sweep();
    assert.equal(await world.running(), '');
    assert.equal(await world.policy(), 'no');
    const sweptAt = world.count();
    const [instance] = await bootAll(options);
    t.after(() => instance?.powerOff());
    await until('it counts on', () => world.count() > sweptAt, 60);
    assert.equal(await docker('inspect', '--format', '{{.Id}}', CONTAINER), id);
    assert.equal(await world.policy(), 'always');
    await instance?.powerOff();
    assert.equal(await world.running(), '');
  });
});
