// `npm run bench`: how long a user waits, each beside what it cannot be faster than, medians of one run as a table.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { benchAgainstCloud, benchEverything, benchVersion } from './client.ts';
import { startCloud } from './cloud.ts';
import { benchColdFunction } from './cold-function.ts';
import { placesIn, type Place } from './place.ts';
import { benchCut } from './cut.ts';
import { benchKernels } from './kernels.ts';
import { formatTable, type Row } from './table.ts';

const ROUNDS = 7;
const START_ROUNDS = 5;
const KERNEL_COUNTS = { outputs: 5, roundTrips: 10_000 };

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    interrupt.abort(new Error('interrupted'));
  });
}

const folder = mkdtempSync(path.join(tmpdir(), 'datalab-bench-'));
try {
  const rows: Row[] = [];
  const { signal } = interrupt;
  for (const place of placesIn(folder)) {
    rows.push(...(await coldFunction(place, signal)));
    rows.push(await benchVersion(place, ROUNDS, signal));
    rows.push(...(await benchAgainstCloud(place, START_ROUNDS, folder, signal)));
    rows.push(await benchEverything(place, START_ROUNDS, folder, signal));
    // It takes minutes, and what runs for long runs alike from both.
    if (place.name === 'sources') continue;
    rows.push(...(await benchKernels(place, KERNEL_COUNTS, folder, signal)));
    rows.push(...(await benchCut(place, folder, signal)));
  }
  console.log(formatTable(rows));
} catch (error) {
  console.error(`The bench did not end: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function coldFunction(place: Place, signal: AbortSignal): Promise<Row[]> {
  // Whose certificates an ID token is checked with.
  await using cloud = await startCloud(place, path.join(folder, `${place.name}-google`), signal);
  return await benchColdFunction(place, ROUNDS, folder, cloud, signal);
}
