// A kernel's log on real disk: whatever breaks off in the middle of a write, what was written before is there again.
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, readdirSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readMessage, writeMessage } from '../../agent/channel/messages.ts';
import type { KernelLog } from '../../agent/kernel-log/kernel-log.ts';
import { openKernelLog } from '../../agent/kernel-log/kernel-log.ts';
import type { Entry } from '../../agent/queue/entry.ts';
import { toSnapshot } from '../../agent/queue/entry.ts';
import type { KernelState } from '../../agent/queue/state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const MIB = 1_048_576;
const LIMITS = { maxBytes: 1024 * MIB };

describe('a kernel’s log', () => {
  it('is there again with its state, also when its last record was not written whole', (t) => {
    const folder = temporaryFolder(t);
    const log = openKernelLog({ folder: path.join(folder, 'log'), ...LIMITS });
    addLife(log);
    const { state, head } = log;
    const before = newestBytes(path.join(folder, 'log'));
    log.append(request('m9'), Buffer.from('the last one'));
    const whole = newestBytes(path.join(folder, 'log'));
    log.close();
    for (let bytes = before; bytes <= whole; bytes += 1) {
      const copy = path.join(folder, `copy-${bytes}`);
      cpSync(path.join(folder, 'log'), copy, { recursive: true });
      truncateSync(newest(copy), bytes);
      const again = openKernelLog({ folder: copy, ...LIMITS });
      assert.equal(again.head, bytes === whole ? head + 1 : head);
      if (bytes < whole) assert.deepEqual(again.state, state);
      assert.equal(again.append(request('m10'), Buffer.from('new')), again.head);
      assert.equal(again.bodyOf(again.head)?.toString(), 'new');
      again.close();
    }
  });

  it('cuts off garbage behind its last record, and begins anew where nothing can be read', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    const log = openKernelLog({ folder, ...LIMITS });
    addLife(log);
    const { state, head } = log;
    log.close();
    appendFileSync(newest(folder), Buffer.from([0, 0, 0, 200, 1, 2, 3]));
    const again = openKernelLog({ folder, ...LIMITS });
    assert.deepEqual(again.state, state);
    again.close();
    truncateSync(newest(folder), 3);
    const anew = openKernelLog({ folder, ...LIMITS });
    assert.ok(anew.head > head, 'a number is given twice');
    assert.equal(anew.state.channels.size, 0);
    anew.close();
  });

  it('reads everything in order across segments, from any place', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    const log = openKernelLog({ folder, ...LIMITS, segmentBytes: 10_000 });
    for (let index = 1; index <= 300; index += 1) log.append(output('p'), text(`${index}`, 'p'));
    assert.ok(readdirSync(folder).length > 5);
    for (const from of [0, 1, 57, 299]) {
      const sequences: number[] = [];
      for (let records = log.read(from, 1_000); records.length > 0;) {
        sequences.push(...records.map(({ sequence }) => sequence));
        records = log.read(sequences.at(-1) ?? 0, 1_000);
      }
      assert.deepEqual(
        sequences,
        Array.from({ length: 300 - from }, (_, index) => from + index + 1),
      );
    }
    assert.deepEqual(log.read(300, 1_000), []);
    log.close();
  });

  it('forgets whole segments, and none with a request that is not over', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    const log = openKernelLog({ folder, ...LIMITS, segmentBytes: 10_000 });
    log.append(channel('a'));
    const waiting = log.append(request('m1'), Buffer.from('to be sent'));
    for (let index = 1; index <= 300; index += 1) log.append(output('p'), text(`${index}`, 'p'));
    log.forget(log.head);
    assert.equal(log.bodyOf(waiting)?.toString(), 'to be sent');
    log.append({ kind: 'sent', lane: 'shell', sequence: waiting, connection: 'c' });
    log.append({ kind: 'message', type: 'execute_reply', parent: 'm1', status: 'ok', to: 'a' });
    log.forget(log.head);
    assert.equal(readdirSync(folder).length, 1);
    assert.ok(log.first > waiting);
    const { state, head } = log;
    log.close();
    const again = openKernelLog({ folder, ...LIMITS });
    assert.deepEqual(inJson(again.state), inJson(state));
    assert.equal(again.head, head);
    again.close();
  });

  it('takes old text out at its bound, says so in its place, and keeps everything else', (t) => {
    const folder = path.join(temporaryFolder(t), 'log');
    const log = openKernelLog({ folder, maxBytes: 2 * MIB, segmentBytes: MIB / 4 });
    for (let index = 0; index < 2_000; index += 1) {
      log.append(output(`p${index >> 6}`), text('x'.repeat(2_000), `p${index >> 6}`));
      if (index % 100 === 0)
        log.append({ kind: 'message', type: 'display_data', parent: 'p' }, text('kept', 'p'));
    }
    assert.ok(totalBytes(folder) < 3.5 * MIB, `${totalBytes(folder)} bytes`);
    const records = [];
    for (let next = log.read(0, MIB); next.length > 0;) {
      records.push(...next);
      next = log.read(records.at(-1)?.sequence ?? 0, MIB);
    }
    const types = records.map(({ entry }) => (entry.kind === 'message' ? entry.type : ''));
    assert.equal(types.filter((type) => type === 'display_data').length, 20);
    const [first] = records;
    const notice = readMessage(first?.body ?? Buffer.alloc(0));
    assert.equal(notice.parent.msg_id, 'p0');
    assert.match(
      (notice.content() as { text: string }).text,
      /KB of text output were dropped here/,
    );
    log.close();
  });
});

function inJson(state: KernelState): unknown {
  return JSON.parse(JSON.stringify(toSnapshot(state)));
}

function addLife(log: KernelLog): void {
  log.append(channel('a'));
  const sequence = log.append(request('m1'), Buffer.from('one'));
  log.append(request('m2'), Buffer.from('two'));
  log.append({ kind: 'sent', lane: 'shell', sequence, connection: 'c' });
  log.append(output('m1'), text('hello', 'm1'));
}

function channel(key: string): Entry {
  return { kind: 'channel', key, incarnation: 'i', epoch: 1 };
}

function request(id: string): Entry {
  return { kind: 'request', channel: 'a', number: 1, id, type: 'execute_request', lane: 'shell' };
}

function output(parent: string): Entry {
  return { kind: 'message', type: 'stream', parent };
}

function text(words: string, parent: string): Buffer {
  return writeMessage({
    channel: 'iopub',
    header: { msg_id: 'm', msg_type: 'stream' },
    parent: { msg_id: parent },
    content: { name: 'stdout', text: words },
  });
}

function newest(folder: string): string {
  return path.join(folder, readdirSync(folder).sort().at(-1) ?? '');
}

function newestBytes(folder: string): number {
  return statSync(newest(folder)).size;
}

function totalBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
}
