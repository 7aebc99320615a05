import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { findConfinement } from '../../../emulator/runtime/confinement.ts';
import { LEASH } from '../../../emulator/runtime/script-runtime.ts';
import { findLeashed } from '../../../emulator/runtime/processes.ts';
import { requireProgram } from '../../helpers/requires.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';
import { bootAll, runtimeFor, type HostOptions } from './host.ts';
import { countOf, startCounting } from './kernel.ts';

const KINDS =
  findConfinement().kind === 'namespace' ? (['namespace', 'mark'] as const) : (['mark'] as const);

for (const kind of KINDS) {
  describe(`process runtime, held together by a ${kind}`, () => {
    it('boots two instances at once, freezes one and leaves the other alone', async (t) => {
      if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
      const options = hostOptions(t, kind);
      const host = await bootAll(options);
      t.after(() => {
        host.cloud.close();
      });
      const [first, second] = host.instances;
      assert.ok(first && second);
      t.after(() => Promise.all([first.powerOff(), second.powerOff()]));
      const [a, b] = folders(options);
      await Promise.all([startCounting(a, '127.0.1.1'), startCounting(b, '127.0.1.2')]);
      assert.deepEqual([a, b].map(kernelAddressOf), ['127.0.1.1', '127.0.1.2']);

      await first.freeze();
      const frozenAt = countOf(a);
      const before = countOf(b);
      await until('the other instance counts on', () => countOf(b) > before + 20);
      assert.equal(countOf(a), frozenAt, 'a frozen kernel counted on');

      await first.thaw();
      await until('the thawed kernel goes on', () => countOf(a) > frozenAt + 5);

      await first.powerOff();
      assert.deepEqual(leashed(options, 'first'), []);
      assert.ok(leashed(options, 'second').length > 3, 'the other instance lost processes');
    });

    it('leaves no process when the emulator is killed, frozen instances included, and boots again', async (t) => {
      if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
      const options = hostOptions(t, kind);
      const host = spawn(process.execPath, [hostProgram(), JSON.stringify(options)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      t.after(() => runtimeFor(options).sweep());
      await once(host.stdout, 'data');
      const [a, b] = folders(options);
      await Promise.all([startCounting(a, '127.0.1.1'), startCounting(b, '127.0.1.2')]);
      for (const pid of leashed(options, 'second')) if (!isLeash(pid)) process.kill(pid, 'SIGSTOP');

      host.kill('SIGKILL');
      await until('every process is gone', () => leashed(options).length === 0, 10);

      const again = await bootAll(options);
      t.after(async () => {
        await Promise.all(again.instances.map((instance) => instance.powerOff()));
        again.cloud.close();
      });
      await Promise.all([startCounting(a, '127.0.1.1'), startCounting(b, '127.0.1.2')]);
    });

    it('ends the instance when the agent wants the machine off, and only then', async (t) => {
      if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
      const options = { ...hostOptions(t, kind), instances: { first: '127.0.1.1' } };
      const host = await bootAll(options);
      t.after(() => {
        host.cloud.close();
      });
      const [instance] = host.instances;
      assert.ok(instance);
      t.after(() => instance.powerOff());
      const agent = 'http://127.0.1.1:8888';
      const born = await until('the agent answers', () => pidOf(agent), 60);
      await fetch(`${agent}/crash`);
      await until(
        'the agent is started again',
        async () => ((await pidOf(agent)) ?? born) !== born,
      );
      await fetch(`${agent}/off`);
      assert.equal(await instance.ended, 'shutdown');
      assert.deepEqual(leashed(options), []);
    });

    it('ends what a killed emulator could not: the next one sweeps', async (t) => {
      const options = hostOptions(t, kind);
      const env = {
        PATH: process.env['PATH'],
        DATALAB_EMULATOR_LEASH: `${options.emulatorId}/lost`,
      };
      const lost = spawn('sleep', ['600'], { env, detached: true, stdio: 'ignore' });
      await once(lost, 'spawn');
      const end = once(lost, 'exit');
      await runtimeFor(options).sweep();
      assert.deepEqual(await end, [null, 'SIGKILL']);
    });
  });
}

describe('the gateway of an instance', () => {
  it('culls no kernel itself: idle ones are the backend’s to put to sleep', async (t) => {
    const options = { ...hostOptions(t, 'mark'), instances: { first: '127.0.1.1' } };
    const host = await bootAll(options);
    t.after(() => {
      host.cloud.close();
    });
    const [instance] = host.instances;
    t.after(() => instance?.powerOff());
    const [folder] = folders(options);
    const file = path.join(folder, 'disk/datalab/gateway/jupyter_server_config.json');
    await until('the gateway is configured', () => existsSync(file), 60);
    const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    assert.deepEqual(config['MappingKernelManager'], { cull_idle_timeout: 0 });
  });
});

describe('leash.sh', () => {
  it('ends its command when its standard input ends, whatever else runs on the machine', async () => {
    const leashes = Array.from({ length: 6 }, (_, index) => `test-${process.pid}-leash/${index}`);
    for (const leash of leashes) {
      const child = spawn('/bin/bash', [LEASH, '--ends-with-command', 'sleep', '600'], {
        env: { PATH: process.env['PATH'], DATALAB_EMULATOR_LEASH: leash },
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      await until('the command runs', () => findLeashed((name) => name === leash).length === 2);
      child.stdin.end();
      await once(child, 'exit');
      assert.deepEqual(
        findLeashed((name) => name === leash),
        [],
      );
    }
  });

  it('ends with its command’s status when that ends first', async () => {
    const child = spawn('/bin/bash', [LEASH, '--ends-with-command', 'false'], {
      env: { PATH: process.env['PATH'], DATALAB_EMULATOR_LEASH: `test-${process.pid}-leash/false` },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    assert.deepEqual(await once(child, 'exit'), [1, null]);
  });
});

function hostOptions(t: TestContext, kind: HostOptions['kind']): HostOptions {
  return {
    folder: temporaryFolder(t),
    emulatorId: `test-${process.pid}-${kind}`,
    kind,
    instances: { first: '127.0.1.1', second: '127.0.1.2' },
  };
}

function folders(options: HostOptions): [string, string] {
  return [path.join(options.folder, 'first'), path.join(options.folder, 'second')];
}

function leashed(options: HostOptions, name = ''): number[] {
  return findLeashed((leash) => leash.startsWith(`${options.emulatorId}/${name}`));
}

/** Where its kernel listens: on one that instances share, the kernel of another might have its ports. */
function kernelAddressOf(folder: string): string {
  const containers = path.join(folder, 'disk/docker/containers');
  const [file = ''] = globSync('*/runtime/kernel-*.json', { cwd: containers });
  return (JSON.parse(readFileSync(path.join(containers, file), 'utf8')) as { ip: string }).ip;
}

function isLeash(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('leash.sh');
}

async function pidOf(agent: string): Promise<number | undefined> {
  try {
    const reply = await fetch(agent);
    return ((await reply.json()) as { pid: number }).pid;
  } catch {
    await delay(20);
    return undefined;
  }
}

function hostProgram(): string {
  return path.join(import.meta.dirname, 'host.ts');
}
