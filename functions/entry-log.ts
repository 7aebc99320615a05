// A log in Cloud Logging, read page by page. Entries come late and out of order, so how far somebody has read is told by
// when Cloud Logging received them: each is answered once, whenever it arrives. Used by logs.ts.
//
// Cloud Logging itself shows an entry only some moments after it has received it. So nothing younger than the settling
// time is answered: what was received until then is taken to be there to the last entry.
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import type { LogsResponse } from './contract.ts';
import type { EntriesOf, FoundEntries, LogEntries } from './google/logging.ts';
import { writeCursor, type EntryCursor } from './log-cursor.ts';
import { fitting } from './log-text.ts';

export interface EntryLog {
  /** For the cursor. */
  key: string;
  of: EntriesOf;
  /** There is nothing from before; ms since the epoch. */
  since: number;
}

export interface EntryLogDeps {
  logEntries: LogEntries;
  clock: Clock;
  config: Pick<Config, 'logSettleSeconds'>;
}

/** An entry that arrives later than this is in the last lines, but not in what has come since. */
const LATEST_MILLISECONDS = 86_400_000;

export async function readEntryLog(
  log: EntryLog,
  limit: number,
  after: EntryCursor | undefined,
  deps: EntryLogDeps,
): Promise<LogsResponse> {
  const settled = deps.clock.now() - deps.config.logSettleSeconds * 1000;
  if (!after) return await lastEntries(log, limit, settled, deps);
  // Another instance since: everything of that one is news.
  const known = after.log === log.key ? after : { log: log.key, received: log.since };
  return await newEntries(log, limit, known, settled, deps);
}

async function lastEntries(
  { key, of, since }: EntryLog,
  limit: number,
  settled: number,
  { logEntries }: EntryLogDeps,
): Promise<LogsResponse> {
  const order = 'newest first';
  const bounds = { receivedUntil: settled, notBefore: timeOf(since) };
  const { entries } = await logEntries.list({ of, order, count: limit, ...bounds });
  const next = writeCursor({ log: key, received: Math.max(settled, since) });
  return { lines: fitting(entries).map(lineOf).reverse(), next };
}

async function newEntries(
  { key, of, since }: EntryLog,
  limit: number,
  known: EntryCursor,
  settled: number,
  { logEntries }: EntryLogDeps,
): Promise<LogsResponse> {
  const { received, scan } = known;
  const until = scan?.until ?? settled;
  if (until <= received) return { lines: [], next: writeCursor(known) };
  const answered = scan?.count ?? 0;
  const found = await logEntries.list({
    of,
    order: 'oldest first',
    count: answered + limit,
    receivedAfter: received,
    receivedUntil: until,
    notBefore: scan?.timestamp ?? timeOf(Math.max(since, received - LATEST_MILLISECONDS)),
  });
  const news = withoutAnswered(found.entries, scan);
  const entries = fitting(news);
  const isDone = !found.isMore && entries.length === news.length;
  const next = isDone ? { log: key, received: until } : moved(known, until, entries);
  return { lines: entries.map(lineOf), next: writeCursor(next) };
}

type Entries = FoundEntries['entries'];

/** Those with the scan's timestamp come first, and in the same order as before. */
function withoutAnswered(entries: Entries, scan: EntryCursor['scan']): Entries {
  if (!scan) return entries;
  return entries.filter(
    (entry, index) => index >= scan.count || entry.timestamp !== scan.timestamp,
  );
}

/** To the last of these entries. */
function moved(known: EntryCursor, until: number, entries: Entries): EntryCursor {
  const timestamp = entries.at(-1)?.timestamp;
  if (timestamp === undefined) return known;
  const same = entries.filter((entry) => entry.timestamp === timestamp).length;
  const before = known.scan?.timestamp === timestamp ? known.scan.count : 0;
  return { ...known, scan: { until, timestamp, count: before + same } };
}

function lineOf({ timestamp, text }: Entries[number]): LogsResponse['lines'][number] {
  return { time: timestamp, text };
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
