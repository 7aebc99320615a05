// `npm run bench`: how long a user waits, each beside what it cannot be faster than, medians of one run as a table.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { benchStart, benchVersion } from './client.ts';
import { benchColdFunction } from './cold-function.ts';
import { PLACES } from './place.ts';
import { formatTable, type Row } from './table.ts';

const ROUNDS = 7;
const START_ROUNDS = 5;

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    interrupt.abort(new Error('interrupted'));
  });
}

const folder = mkdtempSync(path.join(tmpdir(), 'datalab-bench-'));
try {
  const rows: Row[] = [];
  for (const place of PLACES) {
    rows.push(...(await benchColdFunction(place, ROUNDS, folder, interrupt.signal)));
    rows.push(await benchVersion(place, ROUNDS, interrupt.signal));
    rows.push(await benchStart(place, START_ROUNDS, folder, interrupt.signal));
  }
  console.log(formatTable(rows));
} catch (error) {
  console.error(`The bench did not end: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
