// What a front-end has sent, on real disk: whatever breaks off in the middle of a write, nothing before it is lost and no
// number is given twice.
import assert from 'node:assert/strict';
import { cpSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Outbox } from '../../../client/relay/channel/outbox.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

describe('an outbox', () => {
  it('is there again, also when its last message was not written whole', (t) => {
    const file = path.join(temporaryFolder(t), 'outbox');
    const box = new Outbox(file);
    box.append(Buffer.from('one'), 10, 1_000);
    box.append(Buffer.from('two'), 11, 2_000);
    const before = statSync(file).size;
    box.append(Buffer.from('three'), 12, 3_000);
    box.close();
    const whole = statSync(file).size;
    for (let bytes = before; bytes <= whole; bytes += 1) {
      const copy = `${file}-${bytes}`;
      cpSync(file, copy);
      truncateSync(copy, bytes);
      const again = new Outbox(copy);
      const count = bytes === whole ? 3 : 2;
      assert.deepEqual(
        again.waiting.map(({ number }) => number),
        [1, 2, 3].slice(0, count),
      );
      const [first] = again.waiting;
      assert.deepEqual([first?.seen, first?.at], [10, 1_000]);
      assert.equal(first && again.read(first)?.toString(), 'one');
      assert.equal(again.append(Buffer.from('new'), 0, 0), count + 1);
      again.close();
    }
  });

  it('goes on counting when it was emptied', (t) => {
    const file = path.join(temporaryFolder(t), 'outbox');
    const box = new Outbox(file);
    for (const word of ['one', 'two', 'three']) box.append(Buffer.from(word), 0, 0);
    box.forget(2);
    assert.deepEqual(
      box.waiting.map(({ number }) => number),
      [3],
    );
    box.forget(3);
    assert.ok(box.isEmpty && statSync(file).size < 20);
    box.close();
    const again = new Outbox(file);
    assert.equal(again.append(Buffer.from('four'), 0, 0), 4);
    again.close();
  });

  it('says when it is full', (t) => {
    const box = new Outbox(path.join(temporaryFolder(t), 'outbox'), 1_000);
    box.append(Buffer.alloc(900), 0, 0);
    assert.equal(box.isFull, false);
    box.append(Buffer.alloc(900), 0, 0);
    assert.equal(box.isFull, true);
    box.forget(2);
    assert.equal(box.isFull, false);
    box.close();
  });
});
