// A program that dies at its n-th write to the disk while a channel begins anew, with half of what it wrote: for
// channel-store.test.ts.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const [folder = '', count = ''] = process.argv.slice(2);
let left = Infinity;

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('it lives');
}

const { openSync, writeSync, writeFileSync, renameSync, ftruncateSync, rmSync } = fs;
Object.assign(fs, {
  openSync: (...words: Parameters<typeof openSync>) => (left-- > 0 ? openSync(...words) : die()),
  writeSync: (file: number, data: Buffer, from: number, bytes: number, at: number) => {
    if (left-- > 0) return writeSync(file, data, from, bytes, at);
    writeSync(file, data, from, bytes >> 1, at);
    return die();
  },
  writeFileSync: (...words: Parameters<typeof writeFileSync>) => {
    if (left-- > 0) writeFileSync(...words);
    else die();
  },
  renameSync: (...words: Parameters<typeof renameSync>) => {
    if (left-- > 0) renameSync(...words);
    else die();
  },
  ftruncateSync: (...words: Parameters<typeof ftruncateSync>) => {
    if (left-- > 0) ftruncateSync(...words);
    else die();
  },
  rmSync: (...words: Parameters<typeof rmSync>) => {
    if (left-- > 0) rmSync(...words);
    else die();
  },
});
syncBuiltinESMExports();

const { ChannelStore } = await import('../../../client/relay/channel/channel-store.ts');
const store = new ChannelStore(folder, { kernelId: 'k1', session: 's1' });
left = Number(count);
store.beginAnew({ incarnation: 'new', epoch: 1 }, 40, ({ outbox, unheard }) => {
  outbox.append(Buffer.from('certain'), 40, 1_000);
  unheard.append(Buffer.from('answer'), 0, 0);
});
store.close();
