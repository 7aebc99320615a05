// The serial port of an instance, read line by line. Google keeps its last megabyte; positions are bytes since the boot,
// so after another boot a position means something else, or nothing. Used by logs.ts.
import { createHash } from 'node:crypto';
import type { LogsResponse } from './contract.ts';
import type { SerialOutput } from './google/compute-resources.ts';
import { writeCursor, type SerialCursor } from './log-cursor.ts';
import { cleanLine, fitting, MAX_LINE_CHARACTERS } from './log-text.ts';

/** Undefined: the instance does not run. @param start in bytes */
export type ReadSerial = (start: number) => Promise<SerialOutput | undefined>;

export async function readSerialLog(
  key: string,
  limit: number,
  after: SerialCursor | undefined,
  read: ReadSerial,
): Promise<LogsResponse | undefined> {
  if (after?.log !== key) {
    const whole = await read(0);
    return whole && answer(key, whole, partOf(whole), limit, after ? 'first' : 'last');
  }
  const from = after.position - after.overlap;
  const output = await read(from);
  if (!output) return undefined;
  const isKnown = hashOf(output.contents.slice(0, after.overlap)) === after.hash;
  if (output.start === from && isKnown) {
    return answer(key, output, after.overlap, limit, 'first');
  }
  // What came since is more than Google keeps.
  if (output.start > from) return answer(key, output, partOf(output), limit, 'first');
  // Another boot.
  const whole = await read(0);
  return whole && answer(key, whole, partOf(whole), limit, 'first');
}

/** So much at the beginning is the end of a line that is not there any more. */
function partOf({ contents, start }: SerialOutput): number {
  return start === 0 ? 0 : contents.indexOf('\n') + 1;
}

/** @param skipped characters that were answered before */
function answer(
  key: string,
  output: SerialOutput,
  skipped: number,
  limit: number,
  which: 'first' | 'last',
): LogsResponse {
  const text = output.contents.slice(skipped);
  const lines = wholeLinesOf(text);
  // The position between two lines is not known where bytes were no UTF-8: then only what is newest is answered.
  const isExact = Buffer.byteLength(output.contents) === output.next - output.start;
  const isFirst = which === 'first' && isExact;
  const cleaned = lines.map((line) => ({ text: cleanLine(line) }));
  const shown = isFirst
    ? fitting(cleaned.slice(0, limit))
    : fitting(cleaned.slice(-limit).reverse()).reverse();
  const taken = isFirst ? lines.slice(0, shown.length) : lines;
  const rest = text.slice(taken.join('').length);
  return { lines: shown, next: writeCursor(cursorAt(key, output, rest)) };
}

/** With their ends. A line that has none yet is not answered, unless it is longer than lines get. */
function wholeLinesOf(text: string): string[] {
  const parts = text.split('\n');
  const rest = parts.pop() ?? '';
  if (parts.length === 0 && rest.length > MAX_LINE_CHARACTERS) return [rest];
  return parts.map((part) => `${part}\n`);
}

/** Bytes that are one character each, however the rest is encoded. */
const ASCII_END = /[\t\n\r\x20-\x7e]{0,256}$/;

function cursorAt(key: string, { contents, next }: SerialOutput, rest: string): SerialCursor {
  const before = contents.slice(0, contents.length - rest.length);
  const [known = ''] = ASCII_END.exec(before.slice(-256)) ?? [];
  const position = Math.max(next - Buffer.byteLength(rest), known.length);
  return { log: key, position, overlap: known.length, hash: hashOf(known) };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
