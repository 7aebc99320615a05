// A program for kernel-log-limits.test.ts, which limits how large its files may become: fills a log until that is reached,
// twice, and says what it had then.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { openKernelLog } from '../../agent/kernel-log/kernel-log.ts';

/** Unhandled it ends the process, handled the write fails. */
process.on('SIGXFSZ', () => undefined);

const [folder = ''] = process.argv.slice(2);
const log = openKernelLog({ folder, maxBytes: 1_073_741_824 });
let error = '';
for (const bytes of [5_000, 4_000]) error = fill(Buffer.alloc(bytes, 'x'));
const bytes = readdirSync(folder)
  .map((name) => statSync(path.join(folder, name)).size)
  .reduce((sum, size) => sum + size, 0);
process.stdout.write(JSON.stringify({ head: log.head, bytes, error }));

function fill(body: Buffer): string {
  for (;;) {
    const { head, state } = log;
    try {
      log.append({ kind: 'message', type: 'stream', parent: 'p' }, body);
    } catch (failure) {
      if (log.head !== head || log.state !== state)
        throw new Error('the log has changed', { cause: failure });
      return String(failure);
    }
  }
}
