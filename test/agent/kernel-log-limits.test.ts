// A kernel's log at its limits: a full disk, the bound, and an agent that starts again in between.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readMessage, writeMessage } from '../../agent/channel/messages.ts';
import type { KernelLog, LogRecord } from '../../agent/kernel-log/kernel-log.ts';
import { openKernelLog } from '../../agent/kernel-log/kernel-log.ts';
import { recordHead } from '../../agent/kernel-log/records.ts';
import { segmentPath } from '../../agent/kernel-log/segment.ts';
import type { Entry } from '../../agent/queue/entry.ts';
import { toSnapshot } from '../../agent/queue/entry.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const MIB = 1_048_576;
const ROOMY = { maxBytes: 1024 * MIB };
const BOUNDED = { maxBytes: 2 * MIB, segmentBytes: MIB / 4 };

describe('a kernel’s log on a disk that is full', () => {
  it('has nothing of an entry that did not fit, and everything before it', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    const program = path.join(import.meta.dirname, 'log-until-full.ts');
    // In blocks of 512 or 1024 bytes: whatever it is, less than what the program writes.
    const script = 'ulimit -f 64 && exec "$0" "$@"';
    const child = spawnSync('sh', ['-c', script, process.execPath, program, folder]);
    assert.equal(child.status, 0, child.stderr.toString());
    const { head, bytes, error } = JSON.parse(child.stdout.toString()) as Record<string, unknown>;
    assert.match(String(error), /EFBIG/);
    assert.equal(totalBytes(folder), bytes, 'a part of what did not fit is there');
    const log = openKernelLog({ folder, ...ROOMY });
    assert.equal(log.head, head);
    assert.equal(readAll(log).length, head);
    log.close();
  });

  it('goes on when there is room again, also where a segment could not be begun', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    const log = openKernelLog({ folder, ...ROOMY, segmentBytes: 1_000 });
    const first = log.append(output('stream', 'p'), message('x'.repeat(2_000), 'p'));
    const inTheWay = segmentPath(folder, first + 1);
    mkdirSync(inTheWay);
    for (let round = 0; round < 3; round += 1) {
      assert.throws(() => log.append(output('stream', 'p'), message('lost', 'p')));
      assert.equal(log.head, first);
    }
    rmdirSync(inTheWay);
    assert.equal(log.append(output('stream', 'p'), message('kept', 'p')), first + 1);
    log.close();
    const again = openKernelLog({ folder, ...ROOMY });
    assert.deepEqual(readAll(again).map(wordsOf), ['x'.repeat(2_000), 'kept']);
    again.close();
  });

  it('takes what is appended also where there is no room to make room in', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    const log = openKernelLog({ folder, ...BOUNDED });
    const inTheWay = `${segmentPath(folder, 1)}.new`;
    mkdirSync(inTheWay);
    fill(log, 'stream', 5 * MIB);
    assert.equal(readAll(log).length, log.head);
    rmdirSync(inTheWay);
    fill(log, 'stream', 5 * MIB);
    assert.ok(totalBytes(folder) < 5 * MIB, `${totalBytes(folder)} bytes`);
    log.close();
  });
});

describe('a kernel’s log whose newest segment is spoiled', () => {
  it('keeps what stands before garbage that looks like a record', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    const log = openKernelLog({ folder, ...ROOMY });
    fill(log, 'stream', MIB);
    const { head } = log;
    log.close();
    const { size } = statSync(segmentPath(folder, 1));
    for (const garbage of [
      recordHead(head + 1, 'this is no JSON', 0),
      recordHead(head + 1, '{"kind":"nothing that is known"}', 0),
      recordHead(head, JSON.stringify(output('stream', 'p')), 0),
      Buffer.alloc(4_096),
    ]) {
      appendFileSync(segmentPath(folder, 1), garbage);
      const again = openKernelLog({ folder, ...ROOMY });
      assert.equal(again.head, head);
      assert.equal(again.append(output('stream', 'p'), message('new', 'p')), head + 1);
      const records = readAll(again);
      assert.deepEqual(
        [records.length, wordsOf(records.at(-1))],
        [head + 1, 'new'],
        'an entry is lost',
      );
      again.close();
      truncateSync(segmentPath(folder, 1), size);
    }
  });

  it('goes back to the one before if its first record was not written whole', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    const log = openKernelLog({ folder, ...ROOMY, segmentBytes: 10_000 });
    log.append({ kind: 'channel', key: 'a', incarnation: 'i', epoch: 1 });
    fill(log, 'stream', 30_000);
    const { head, state } = log;
    log.close();
    const begun = segmentPath(folder, head + 1);
    for (const bytes of [0, 3, 13, 100]) {
      writeFileSync(begun, recordHead(head, JSON.stringify({ snapshot: 'x'.repeat(200) }), 0));
      truncateSync(begun, bytes);
      const again = openKernelLog({ folder, ...ROOMY });
      assert.equal(again.head, head);
      assert.deepEqual(inJson(again), JSON.parse(JSON.stringify(toSnapshot(state))));
      assert.equal(readAll(again).length, head);
      again.close();
    }
  });

  it('removes what an agent left that died while it made room', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    openKernelLog({ folder, ...ROOMY }).close();
    writeFileSync(`${segmentPath(folder, 1)}.new`, 'half of a');
    openKernelLog({ folder, ...ROOMY }).close();
    assert.deepEqual(readdirSync(folder), [path.basename(segmentPath(folder, 1))]);
  });
});

describe('a kernel’s log at its bound', () => {
  it('stays within twice its bound whatever is printed, and says from where on it is whole', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    const log = openKernelLog({ folder, ...BOUNDED });
    const waiting = log.append(request('m1'), Buffer.from('to be sent'));
    fill(log, 'display_data', 20 * MIB);
    assert.ok(totalBytes(folder) < 5 * MIB, `${totalBytes(folder)} bytes`);
    assert.ok(log.first > 1);
    assert.equal(log.bodyOf(waiting)?.toString(), 'to be sent');
    const whole = readAll(log).filter(({ sequence }) => sequence >= log.first);
    assert.equal(whole.length, log.head - log.first + 1);
    const { first, head } = log;
    log.close();
    const again = openKernelLog({ folder, ...BOUNDED });
    assert.deepEqual([again.first, again.head], [first, head]);
    assert.equal(again.bodyOf(waiting)?.toString(), 'to be sent');
    again.close();
  });

  it('does not take its own notices for text when the agent has started again', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    let log = openKernelLog({ folder, ...BOUNDED });
    fill(log, 'stream', 5 * MIB);
    const before = wordsOf(readAll(log)[0]);
    assert.match(before, /KB of text output were dropped here/);
    for (let round = 0; round < 3; round += 1) {
      log.close();
      log = openKernelLog({ folder, ...BOUNDED });
      fill(log, 'stream', MIB);
    }
    assert.equal(wordsOf(readAll(log)[0]), before);
    log.close();
  });

  it('needs no memory for what it holds', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    const log = openKernelLog({ folder, maxBytes: 128 * MIB, segmentBytes: 8 * MIB });
    fill(log, 'stream', 8 * MIB, 20_000);
    const before = process.memoryUsage();
    let most = 0;
    for (let round = 0; round < 12; round += 1) {
      fill(log, 'stream', 16 * MIB, 20_000);
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      most = Math.max(most, arrayBuffers + heapUsed);
    }
    const growth = most - before.arrayBuffers - before.heapUsed;
    assert.ok(growth < 96 * MIB, `${Math.round(growth / MIB)} MiB more for 192 MiB of text`);
    log.close();
  });
});

function fill(log: KernelLog, type: string, bytes: number, each = 2_000): void {
  const body = message('x'.repeat(each), 'p');
  for (let sum = 0; sum < bytes; sum += body.length) log.append(output(type, 'p'), body);
}

function readAll(log: KernelLog): LogRecord[] {
  const records: LogRecord[] = [];
  for (let next = log.read(0, MIB); next.length > 0;) {
    records.push(...next);
    next = log.read(records.at(-1)?.sequence ?? 0, MIB);
  }
  return records;
}

function inJson(log: KernelLog): unknown {
  return JSON.parse(JSON.stringify(toSnapshot(log.state)));
}

function request(id: string): Entry {
  return { kind: 'request', channel: 'a', number: 1, id, type: 'execute_request', lane: 'shell' };
}

function output(type: string, parent: string): Entry {
  return { kind: 'message', type, parent };
}

function message(text: string, parent: string): Buffer {
  return writeMessage({
    channel: 'iopub',
    header: { msg_id: 'm', msg_type: 'stream' },
    parent: { msg_id: parent },
    content: { name: 'stdout', text },
  });
}

function wordsOf(record: LogRecord | undefined): string {
  const { text } = readMessage(record?.body ?? Buffer.alloc(0)).content() as { text: string };
  return text;
}

function totalBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
}
