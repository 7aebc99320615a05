// Lines of logs on standard output: the time, where there is one, then the text; with --json an object a line.
import { stripVTControlCharacters } from 'node:util';
import type { LogsResponse } from '../../functions/contract.ts';
import type { Io } from '../io.ts';
import { paintFor } from './paint.ts';

export type LogLine = LogsResponse['lines'][number];
export type PrintLines = (lines: readonly LogLine[]) => void;

export function linePrinter(flags: { json?: true }, io: Io): PrintLines {
  const paint = paintFor('stdout', io);
  const render = ({ time, text }: LogLine): string => {
    const plain = plainLine(text);
    if (flags.json)
      return JSON.stringify(time === undefined ? { text: plain } : { time, text: plain });
    return time === undefined ? plain : `${paint('dim', clockTime(time))} ${plain}`;
  };
  return (lines) => {
    if (lines.length > 0) io.stdout.write(lines.map((line) => `${render(line)}\n`).join(''));
  };
}

/** What programs print is nobody's to trust: it must not move the cursor, or turn text around. */
function plainLine(text: string): string {
  const plain = stripVTControlCharacters(text);
  return plain.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, ' ').trimEnd();
}

/** `14:03:59`, where the user is. */
function clockTime(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? time : at.toTimeString().slice(0, 8);
}
