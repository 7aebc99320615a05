// Which processes are the kernels' and whether they compute: tables, and processes of this machine.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { belowOf, Cpu, isRest } from '../../agent/cpu.ts';
import type { CpuSample } from '../../agent/cpu.ts';
import { systemClock } from '../../agent/clock.ts';
import type { Process } from '../../agent/processes.ts';
import { listProcesses, parseStat } from '../../agent/processes.ts';
import { until } from '../helpers/until.ts';

describe('processor time', () => {
  it('is read behind a command that holds anything', () => {
    const stat = '42 (a) b) (c) S 7 42 40 0 -1 4194304 1 2 3 4 100 20 3 4 20 0 1 0 98765 1 2 3 4 5';
    assert.deepEqual(parseStat(stat), {
      ...{ pid: 42, parent: 7, session: 40, startedAt: 98_765, ticks: 127 },
    });
  });

  it('is that of what is below the gateway, and of what has left it but not its session', () => {
    const gateway = [process_(10, 1, 5), process_(11, 10, 11), process_(12, 11, 12)];
    const orphans = [process_(20, 1, 11), process_(21, 20, 21)];
    const others = [process_(2, 1, 2), process_(30, 2, 5), process_(31, 30, 31)];
    const found = belowOf([...orphans, ...others, ...gateway], new Set([10]));
    assert.deepEqual(found.map(({ pid }) => pid).sort(), [10, 11, 12, 20, 21]);
  });

  for (const [name, before, after, expected] of [
    ['nothing was used', { a: 500 }, { a: 500 }, true],
    ['idle kernels ticked', { a: 500, b: 10 }, { a: 508, b: 14 }, true],
    ['a thread computed', { a: 500 }, { a: 690 }, false],
    ['a process came and computed', { a: 500 }, { a: 500, b: 190 }, false],
    ['a process that had computed has ended', { a: 500, b: 9000 }, { a: 500 }, true],
  ] as const) {
    it(`${expected ? 'rests' : 'does not rest'} when ${name}`, () => {
      assert.equal(isRest(sample(0, before), sample(2_000, after)), expected);
    });
  }

  it('does not rest when the processes could be seen only once', () => {
    const machine: CpuSample = { ...sample(2_000, { machine: 500 }), kind: 'machine' };
    assert.equal(isRest(sample(0, { a: 500 }), machine), false);
  });

  it('sees a process in a session of its own below the parent of a kernel', async (t) => {
    const id = `kernel-${process.pid}-of-the-test`;
    const kernel = start(t, `exec -a ${id} sleep 600`);
    const cpu = new Cpu(systemClock);
    await until('the kernel is seen', async () => (await cpu.sample([id])).kind === 'kernels');
    const idle = await cpu.sample([id]);
    assert.ok([...idle.ticks.keys()].some((key) => key.startsWith(`${kernel} `)));
    assert.ok(![...idle.ticks.keys()].some((key) => key.startsWith(`${process.pid} `)));
    start(t, 'while :; do :; done');
    await until('it does not rest', async () => !isRest(idle, await cpu.sample([id])));
  });

  it('is the whole machine’s when a kernel has no process that can be seen', async () => {
    const cpu = new Cpu(systemClock);
    const before = await cpu.sample(['no-such-kernel']);
    assert.equal(before.kind, 'machine');
    const end = Date.now() + 300;
    while (Date.now() < end) await delay(0);
    const after = await cpu.sample(['no-such-kernel']);
    assert.ok((after.ticks.get('machine') ?? 0) > (before.ticks.get('machine') ?? 0));
  });

  it('belongs to processes that /proc lists, this one among them', async () => {
    const own = (await listProcesses()).find(({ pid }) => pid === process.pid);
    assert.equal(own?.parent, process.ppid);
  });
});

function process_(pid: number, parent: number, session: number): Process {
  return { pid, parent, session, startedAt: pid, ticks: 0 };
}

function sample(at: number, ticks: Record<string, number>): CpuSample {
  return { at, kind: 'kernels', ticks: new Map(Object.entries(ticks)) };
}

/** In a session of its own. */
function start(t: TestContext, script: string): number {
  const child = spawn('bash', ['-c', script], { stdio: 'ignore', detached: true });
  t.after(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  });
  return child.pid ?? 0;
}
