// A kernel's host while the disk takes nothing: nothing that was heard is lost, nothing that happened is forgotten, and the
// agent goes on. A real log, a kernel that says what the test wants, and a clock that the test moves.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readMessage, writeMessage } from '../../agent/channel/messages.ts';
import type { FrontEnd } from '../../agent/front-ends.ts';
import { Gate } from '../../agent/gate.ts';
import { KernelHost } from '../../agent/kernel-host.ts';
import type { KernelLog, LogRecord } from '../../agent/kernel-log/kernel-log.ts';
import { openKernelLog } from '../../agent/kernel-log/kernel-log.ts';
import { Kernels } from '../../agent/kernels.ts';
import { isBusy } from '../../agent/queue/state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { MachineClock } from './machine-clock.ts';
import { startScriptedKernel } from './scripted-kernel.ts';

/** It is looked again whether there is room. */
const AGAIN_MILLISECONDS = 5_000;
/** More than the sockets between two processes hold. */
const MANY = 2_000;
/** What it says to the agent's first question. */
const ITS_ANSWER = 3;
/** Of the API, to a report. */
const ANSWER = { reportIntervalSeconds: 30, deadManSeconds: 3600 };
const LARGE = 'x'.repeat(16_384);

describe('a kernel’s host on a disk that is full', { timeout: 120_000 }, () => {
  it('writes what the kernel has said when there is room: all of it, once, in its order', async (t) => {
    const { kernel, disk, clock, room } = await start(t);
    disk.isFull = true;
    for (let count = 0; count < MANY; count += 1) kernel.prints(`${count} ${LARGE}`);
    await until('it is met', () => disk.refusals > 0);
    clock.advance(20 * AGAIN_MILLISECONDS);
    assert.ok(kernel.connection.bufferedAmount > 0, 'the gateway was rid of it');
    room();
    await until('all is written', () => disk.texts().length === MANY);
    assert.deepEqual(
      disk.texts().map((text) => Number.parseInt(text, 10)),
      Array.from({ length: MANY }, (_, index) => index),
    );
    assert.equal(kernel.connections.length, 1, 'it has hung up');
  });

  it('writes what was said before the gateway hung up', async (t) => {
    const { kernel, disk, room } = await start(t);
    disk.isFull = true;
    for (const text of ['one', 'two', 'three']) kernel.prints(text);
    await until('it is met', () => disk.refusals > 0);
    kernel.connection.close();
    room();
    await until('all is written', () => disk.texts().length === 3);
    assert.deepEqual(disk.texts(), ['one', 'two', 'three']);
  });

  it('says so once', async (t) => {
    const { kernel, disk, clock, errors, room } = await start(t);
    disk.isFull = true;
    kernel.prints('one');
    await until('it is met', () => disk.refusals > 0);
    for (let count = 0; count < 3; count += 1) clock.advance(AGAIN_MILLISECONDS);
    assert.equal(disk.refusals, 4);
    assert.deepEqual(errors, ['kernel log not written']);
    room();
    await until('it is written', () => disk.texts().length === 1);
  });

  it('lets a page go, and knows it when there is room', async (t) => {
    const { host, disk, page, room } = await start(t);
    const going = page('page');
    disk.isFull = true;
    host.detach(going, true);
    assert.ok(disk.log.state.channels.has('page'));
    room();
    assert.ok(!disk.log.state.channels.has('page'));
  });

  it('forgets pages that stay away when there is room', async (t) => {
    const { host, disk, clock, page, room } = await start(t);
    host.detach(page('page'), false);
    clock.advance(1_000);
    disk.isFull = true;
    host.tidy(1_000);
    room();
    assert.ok(!disk.log.state.channels.has('page'));
  });

  it('takes no message of a page, and goes on with those that it has when the gate opens', async (t) => {
    const { kernel, disk, gate, page, asks, shut, open, room } = await start(t);
    page('page');
    await shut();
    asks('cell');
    disk.isFull = true;
    assert.throws(() => {
      asks('refused');
    }, /ENOSPC/);
    open();
    assert.ok(gate.isOpen);
    assert.equal(disk.refusals, 2);
    room();
    await until('it is sent', () => kernel.heard.length > 0);
    assert.deepEqual(
      kernel.heard.map(({ header }) => header.msg_id),
      ['cell'],
    );
  });

  it('knows what became of a restart when there is room', async (t) => {
    const { host, disk, room } = await start(t);
    host.restarting();
    disk.isFull = true;
    assert.equal(host.restarted(false), undefined);
    assert.ok(disk.log.state.isRestarting);
    room();
    assert.ok(!disk.log.state.isRestarting);
  });

  it('is made all the same, and what was begun before is known to have failed when there is room', async (t) => {
    const { disk, room } = await start(t, (log) => {
      log.append({ kind: 'channel', key: 'plain-page', incarnation: 'of-page', epoch: 1 });
      log.append({ kind: 'restarting' });
      return 'full';
    });
    assert.ok(disk.log.state.isRestarting);
    room();
    assert.ok(!disk.log.state.isRestarting);
    assert.equal(disk.log.state.channels.size, 0);
    assert.ok(!isBusy(disk.log.state));
  });
});

class Disk implements KernelLog {
  readonly log: KernelLog;
  isFull = false;
  /** How often it took nothing. */
  refusals = 0;

  constructor(log: KernelLog) {
    this.log = log;
  }

  get state() {
    return this.log.state;
  }

  get head() {
    return this.log.head;
  }

  get first() {
    return this.log.first;
  }

  append(...record: Parameters<KernelLog['append']>): number {
    if (!this.isFull) return this.log.append(...record);
    this.refusals += 1;
    throw new Error('ENOSPC: no space left on device, write');
  }

  bodyOf(sequence: number) {
    return this.log.bodyOf(sequence);
  }

  read(after: number, maxBytes: number) {
    return this.log.read(after, maxBytes);
  }

  forget(upTo: number): void {
    this.log.forget(upTo);
  }

  close(): void {
    this.log.close();
  }

  remove(): void {
    this.log.remove();
  }

  /** What the kernel has printed, as far as it is written. */
  texts(): string[] {
    const records: LogRecord[] = [];
    for (let next = this.log.read(0, 1_048_576); next.length > 0;) {
      records.push(...next);
      next = this.log.read(records.at(-1)?.sequence ?? 0, 1_048_576);
    }
    return records.flatMap(({ entry, body }) => {
      if (entry.kind !== 'message' || entry.type !== 'stream' || !body) return [];
      return [(readMessage(body).content() as { text: string }).text];
    });
  }
}

async function start(t: TestContext, before: (log: KernelLog) => 'full' | 'free' = () => 'free') {
  const { kernel, gateway } = await startScriptedKernel(t);
  const clock = new MachineClock();
  const errors: string[] = [];
  const log = { info: () => undefined, error: (what: string) => errors.push(what) };
  const nothing = () => undefined;
  const gate = new Gate({
    look: () => Promise.resolve(true),
    ...{ clock, log, onUrgent: nothing, onSwitchOff: nothing },
  });
  const folder = path.join(temporaryFolder(t), 'log');
  const disk = new Disk(openKernelLog({ folder, maxBytes: 1_073_741_824 }));
  disk.isFull = before(disk.log) === 'full';
  const host = new KernelHost({
    ...{ kernelId: 'kernel', sessionId: 'agent', kernelLog: disk, gateway, gate, clock, log },
    kernels: new Kernels(clock, nothing),
    ...{ onGone: nothing, onShutdownWanted: nothing },
  });
  t.after(() => {
    host.end('the test is over');
  });
  await until('they are connected', () => kernel.connections.length > 0);
  if (!disk.isFull) await until('it hears the kernel', () => disk.head >= ITS_ANSWER);
  return {
    ...{ kernel, host, disk, clock, gate, errors },
    room: () => {
      disk.isFull = false;
      clock.advance(AGAIN_MILLISECONDS);
    },
    page: (key: string): FrontEnd => {
      const frontEnd = { key, delivered: 0, ...silent };
      host.greet(key, { kind: 'hello', received: 0, delivered: 0 });
      host.attach(frontEnd);
      return frontEnd;
    },
    asks: (id: string) => {
      const header = { msg_id: id, msg_type: 'execute_request', session: 'page' };
      const message = writeMessage({ channel: 'shell', header, content: {} });
      const incoming = { channel: 'page', number: 0, seen: disk.head, waitedMilliseconds: 0 };
      host.request(incoming, message);
    },
    /** The machine is about to sleep. */
    shut: async () => {
      const sleep = { nonce: 'nonce', action: 'prepare', by: 'suspend' } as const;
      gate.heard(gate.word(), { ...ANSWER, isAwake: false, sleep });
      await nextTurn();
    },
    open: () => {
      gate.heard(gate.word(), { ...ANSWER, isAwake: true });
    },
  };
}

const silent = {
  appended: () => undefined,
  dead: () => undefined,
  superseded: () => undefined,
  close: () => undefined,
};
