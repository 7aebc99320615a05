// The Logging query language, as far as queries for builds and containers use it: comparisons of fields (names that are
// no words in quotes), AND, OR, NOT.
// https://cloud.google.com/logging/docs/view/logging-query-language
import { parseExpression, type Predicate, type Token } from '../filter-expression.ts';
import { rpcError } from '../google-error.ts';
import type { LogEntry } from './entries.ts';

export const SEVERITIES = [
  'DEFAULT',
  'DEBUG',
  'INFO',
  'NOTICE',
  'WARNING',
  'ERROR',
  'CRITICAL',
  'ALERT',
  'EMERGENCY',
] as const;

export function parseLogFilter(filter: string): Predicate<LogEntry> {
  if (filter.trim() === '') return () => true;
  try {
    return parseExpression(filter, compare);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw rpcError('INVALID_ARGUMENT', `Unparseable filter: ${error.message}`);
  }
}

/** The fields of an entry; whatever else is asked for is a mistake of who asks. */
const FIELDS = [
  'insertId',
  'jsonPayload',
  'labels',
  'logName',
  'receiveTimestamp',
  'resource',
  'severity',
  'textPayload',
  'timestamp',
];

function compare(path: readonly string[], operator: Token, operand: string): Predicate<LogEntry> {
  if (!FIELDS.includes(path[0] ?? '')) throw new SyntaxError(`no field '${path.join('.')}'`);
  if (operator.kind !== 'operator') throw new SyntaxError(`syntax error near '${operator.text}'`);
  const order = orderOf(path, operand);
  switch (operator.text) {
    case '=':
      return (entry) => order(entry) === 0;
    // As Google has it: an entry without the field is not unequal.
    case '!=':
      return (entry) => order(entry) !== 0 && order(entry) !== undefined;
    case ':':
      return (entry) => read(entry, path)?.toLowerCase().includes(operand.toLowerCase()) === true;
    case '<':
      return (entry) => (order(entry) ?? 0) < 0;
    case '<=':
      return (entry) => (order(entry) ?? 1) <= 0;
    case '>':
      return (entry) => (order(entry) ?? 0) > 0;
    case '>=':
      return (entry) => (order(entry) ?? -1) >= 0;
    default:
      throw new SyntaxError(`syntax error near '${operator.text}'`);
  }
}

/** How the field compares with the operand; undefined for an entry without it. */
function orderOf(
  path: readonly string[],
  operand: string,
): (entry: LogEntry) => number | undefined {
  const key = keyOf(path.join('.'));
  const right = key(operand);
  if (Number.isNaN(right)) throw new SyntaxError(`'${operand}' is no value of ${path.join('.')}`);
  return (entry) => {
    const value = read(entry, path);
    if (value === undefined) return undefined;
    const left = key(value);
    return left < right ? -1 : Number(left > right);
  };
}

function keyOf(field: string): (value: string) => string | number {
  if (field === 'severity') return (value) => rankOf(value);
  if (field === 'timestamp' || field === 'receiveTimestamp') return timeKey;
  return (value) => value;
}

/** Times of any precision and offset, in one form that compares. */
export function timeKey(value: string): string | number {
  const at = Date.parse(value);
  if (Number.isNaN(at)) return Number.NaN;
  const fraction = /\.(\d+)/.exec(value)?.[1] ?? '';
  return `${new Date(at).toISOString().slice(0, 19)}.${fraction.padEnd(9, '0').slice(0, 9)}`;
}

function rankOf(severity: string): number {
  const rank = SEVERITIES.findIndex((known) => known === severity.toUpperCase());
  return rank === -1 ? Number.NaN : rank;
}

function read(entry: LogEntry, path: readonly string[]): string | undefined {
  let value: unknown = { severity: 'DEFAULT', ...entry };
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined;
}
