// Makes room in a log that has reached its bound: takes the text output out of a segment, with a notice in each place, or
// everything but what is still to be sent. kernel-log.ts says which segment when.
import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { readMessage, writeMessage } from '../channel/messages.ts';
import type { RawRecord } from './records.ts';
import { recordHead } from './records.ts';
import type { Left, Segment } from './segment.ts';
import { writeAll } from './write-all.ts';

/** How the name of a file ends that is not yet what it is to be. */
export const RENEWED = '.new';

/** Whether a record stays as it is, becomes a notice, or goes. */
type Verdict = 'keep' | 'drop' | Buffer;

/** Of each request the first text becomes a notice that says how much was taken out; the rest of it goes. */
export function withoutText(segment: Segment, maxBytes: number): void {
  const dropped = new Map<string, { bytes: number; first: number }>();
  for (const { sequence, header, body } of segment.records()) {
    const parent = textParent(header);
    if (parent === undefined || !body) continue;
    const known = dropped.get(parent) ?? { bytes: 0, first: sequence };
    dropped.set(parent, { ...known, bytes: known.bytes + body.length });
  }
  rewrite(segment, 'noText', ({ sequence, header, body }) => {
    const parent = textParent(header);
    if (parent === undefined || !body) return 'keep';
    const { first, bytes } = dropped.get(parent) ?? { first: 0, bytes: 0 };
    return first === sequence ? notice(body, bytes, maxBytes) : 'drop';
  });
}

/** Only the records with these numbers stay, and the one that says what came before. */
export function onlyNeeded(segment: Segment, needed: ReadonlySet<number>): void {
  rewrite(segment, 'needed', ({ sequence }) => (needed.has(sequence) ? 'keep' : 'drop'));
}

/** By rename: whoever dies in between leaves the old file. The segment is to be opened anew. */
function rewrite(segment: Segment, left: Left, judge: (record: RawRecord) => Verdict): void {
  const renewed = `${segment.path}${RENEWED}`;
  const file = openSync(renewed, 'w', 0o600);
  try {
    let end = 0;
    for (const record of segment.records()) {
      const isFirst = record.sequence < segment.first;
      end += writeAll(file, isFirst ? marked(record, left) : judged(record, judge(record)), end);
    }
    renameSync(renewed, segment.path);
  } catch (error) {
    // The disk is full, most likely: what is of no use must not fill it.
    rmSync(renewed, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** The record that says what came before says, too, what is left of what follows. */
function marked({ sequence, header, body }: RawRecord, left: Left): Buffer[] {
  const content = { ...(JSON.parse(header.toString()) as object), left };
  const head = recordHead(sequence, JSON.stringify(content), body?.length ?? 0);
  return body ? [head, body] : [head];
}

function judged(record: RawRecord, verdict: Verdict): Buffer[] {
  if (verdict === 'drop') return [];
  const body = verdict === 'keep' ? record.body : verdict;
  const head = recordHead(record.sequence, record.header.toString(), body?.length ?? 0);
  return body ? [head, body] : [head];
}

/** The request that a `stream` message belongs to, `undefined` for everything else. */
function textParent(header: Buffer): string | undefined {
  const entry = JSON.parse(header.toString()) as { kind?: string; type?: string; parent?: string };
  if (entry.kind !== 'message' || entry.type !== 'stream') return undefined;
  return entry.parent ?? '';
}

function notice(body: Buffer, bytes: number, maxBytes: number): Buffer {
  const { channel, header, parent } = readMessage(body);
  const text =
    `\n[${inWords(bytes)} of text output were dropped here: it was printed while no page took it, and the ` +
    `limit of ${inWords(maxBytes)} was reached]\n`;
  return writeMessage({ channel, header, parent, content: { name: 'stderr', text } });
}

function inWords(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${value.toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ''}`;
}
