// What a relay keeps of its channels, on real disk: there again after its end, and whole at whatever write it died.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ChannelStore, storedChannels } from '../../../client/relay/channel/channel-store.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const NAME = { kernelId: 'k1', session: 's1' };
const PROGRAM = path.join(import.meta.dirname, 'killed-store.ts');

describe('the channels of a relay on disk', () => {
  it('are there again with name and cursor, and gone when nobody has come for a week', (t) => {
    const folder = temporaryFolder(t);
    const store = new ChannelStore(folder, NAME);
    store.saveChannel({ incarnation: 'i', epoch: 3 });
    store.cursor = 77;
    store.close();
    assert.deepEqual(storedChannels(folder, Date.now()), [NAME]);
    const again = new ChannelStore(folder, NAME);
    assert.deepEqual([again.channel, again.cursor], [{ incarnation: 'i', epoch: 3 }, 77]);
    again.close();
    const inEightDays = Date.now() + 8 * 86_400_000;
    assert.deepEqual(storedChannels(folder, inEightDays), []);
    assert.deepEqual(readdirSync(folder), []);
  });
});

describe('a channel that begins anew', () => {
  it('is the old one or the new one as a whole, at whatever write its relay is killed', (t) => {
    const before = folderBefore(temporaryFolder(t));
    const seen = { old: 0, new: 0 };
    for (let count = 0; ; count += 1) {
      const folder = `${before}-${count}`;
      cpSync(before, folder, { recursive: true });
      const { signal, status, stderr } = spawnSync(
        process.execPath,
        [PROGRAM, folder, String(count)],
        { timeout: 30_000 },
      );
      const life = lifeIn(folder);
      seen[life] += 1;
      if (signal !== 'SIGKILL') {
        assert.equal(status, 0, String(stderr));
        assert.equal(life, 'new');
        break;
      }
    }
    // It died before and after the change, and there is no third.
    assert.ok(seen.old > 5 && seen.new > 2, JSON.stringify(seen));
  });

  it('leaves nothing of the old one, and nothing of a change that was broken off', (t) => {
    const folder = folderBefore(temporaryFolder(t));
    const store = new ChannelStore(folder, NAME);
    const broken = () => {
      store.beginAnew({ incarnation: 'broken', epoch: 1 }, 1, ({ outbox }) => {
        outbox.append(Buffer.from('half'), 0, 0);
        throw new Error('the disk is full');
      });
    };
    assert.throws(broken, /disk is full/);
    assert.deepEqual(store.outbox.readAll().map(String), ['uncertain', 'certain']);
    store.beginAnew({ incarnation: 'new', epoch: 1 }, 1, () => undefined);
    assert.deepEqual([store.outbox.isEmpty, store.cursor], [true, 1]);
    assert.deepEqual(store.unheard.readAll().map(String), ['unheard']);
    store.close();
    const [channel = ''] = readdirSync(folder);
    assert.equal(readdirSync(path.join(folder, channel)).length, 4);
  });
});

function folderBefore(parent: string): string {
  const folder = path.join(parent, 'channels');
  const store = new ChannelStore(folder, NAME);
  store.saveChannel({ incarnation: 'old', epoch: 7 });
  store.cursor = 900;
  store.outbox.append(Buffer.from('uncertain'), 3, 1_000);
  store.outbox.append(Buffer.from('certain'), 4, 1_000);
  store.unheard.append(Buffer.from('unheard'), 0, 0);
  store.close();
  return folder;
}

/** @throws when it is neither */
function lifeIn(folder: string): 'old' | 'new' {
  assert.deepEqual(storedChannels(folder, Date.now()), [NAME]);
  const store = new ChannelStore(folder, NAME);
  const [outbox, unheard] = [store.outbox, store.unheard].map((box) => box.readAll().map(String));
  const all = { ...store.channel, cursor: store.cursor, outbox, unheard };
  store.close();
  if (all.incarnation === 'old') {
    const [kept, news] = [['uncertain', 'certain'], ['unheard']];
    assert.deepEqual(all, { ...OLD, outbox: kept, unheard: news });
    return 'old';
  }
  assert.deepEqual(all, { ...NEW, outbox: ['certain'], unheard: ['unheard', 'answer'] });
  return 'new';
}

const OLD = { incarnation: 'old', epoch: 7, cursor: 900 };
const NEW = { incarnation: 'new', epoch: 1, cursor: 40 };
