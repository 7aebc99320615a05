// Lines of logs as they are answered (pure). What programs print is nobody's to trust: a terminal shows it.
import { stripVTControlCharacters } from 'node:util';
import type { LogsResponse } from './contract.ts';

export type LogLine = LogsResponse['lines'][number];

export const MAX_LINE_CHARACTERS = 4000;
/** Of all lines of an answer; their number has a bound of its own. */
const MAX_ANSWER_CHARACTERS = 1_000_000;

/** Controls, line and paragraph separators, and what turns the direction of text around. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
/** Jupyter prints its URL at start, with dots for a token that was given to it; no other must get out either. */
const TOKEN_IN_URL = /([?&]token=)[^\s&#"'<>]+/g;

/** One line, without terminals' control sequences, of at most so many characters. */
export function cleanLine(text: string, maxCharacters = MAX_LINE_CHARACTERS): string {
  const start = text.slice(0, 4 * maxCharacters);
  const plain = stripVTControlCharacters(start).replace(UNPRINTABLE, ' ').trimEnd();
  const safe = plain.replace(TOKEN_IN_URL, '$1...');
  if (safe.length <= maxCharacters) return safe.toWellFormed();
  return `${safe.slice(0, maxCharacters - 1)}…`.toWellFormed();
}

/** As many lines from the beginning as fit into an answer; one at least. */
export function fitting<T extends { text: string }>(lines: readonly T[]): T[] {
  let room = MAX_ANSWER_CHARACTERS;
  const end = lines.findIndex(({ text }) => (room -= text.length) < 0);
  return lines.slice(0, end === -1 ? undefined : Math.max(end, 1));
}
