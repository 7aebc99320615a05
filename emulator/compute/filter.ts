// The `filter` parameter of Compute Engine's list methods. What does not parse is refused, as Google does.
// https://cloud.google.com/compute/docs/reference/rest/v1/instances/list (filter)
import { parseExpression, type Predicate, type Token } from '../filter-expression.ts';
import { invalidValue } from '../google-error.ts';
import type { Json } from './links.ts';

/** Fields that no list method filters by. */
const UNFILTERED = ['metadata', 'networkInterfaces', 'disks', 'serviceAccounts', 'guestOsFeatures'];

export function parseFilter(filter: string | null): Predicate<Json> {
  if (!filter) return () => true;
  try {
    return parseExpression(filter, compare);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalidValue('filter', filter, 'Invalid list filter expression.');
  }
}

function compare(path: readonly string[], operator: Token, text: string): Predicate<Json> {
  if (UNFILTERED.includes(path[0] ?? '')) throw new SyntaxError('field');
  if (operator.kind === 'word' && (operator.text === 'eq' || operator.text === 'ne')) {
    const pattern = regularExpression(text);
    const isWanted = operator.text === 'eq';
    return (resource) => pattern.test(read(resource, path) ?? '') === isWanted;
  }
  if (operator.kind !== 'operator') throw new SyntaxError('operator');
  const literal = text.replace(/\\(.)/g, '$1');
  switch (operator.text) {
    case '=':
      return (resource) => read(resource, path) === literal;
    case '!=':
      return (resource) => read(resource, path) !== literal;
    case ':':
      return (resource) => has(read(resource, path), literal);
    default:
      return (resource) => isOrdered(read(resource, path), operator.text, literal);
  }
}

/** `field:*` asks for its presence, `field:text` for a part of it. */
function has(value: string | undefined, literal: string): boolean {
  if (literal === '*') return value !== undefined;
  return value?.toLowerCase().includes(literal.replace(/\*$/, '').toLowerCase()) === true;
}

function isOrdered(value: string | undefined, operator: string, literal: string): boolean {
  if (value === undefined) return false;
  const areNumbers = value !== '' && !Number.isNaN(Number(value)) && !Number.isNaN(Number(literal));
  const order = areNumbers
    ? Math.sign(Number(value) - Number(literal))
    : value < literal
      ? -1
      : Number(value > literal);
  if (order === 0) return operator.endsWith('=');
  return operator.startsWith('<') ? order < 0 : order > 0;
}

/** Google's RE2 patterns match the whole value; what both dialects have in common is what is used. */
function regularExpression(text: string): RegExp {
  try {
    return new RegExp(`^(?:${text.replace(/\\(["' \-&~#])/g, '$1')})$`, 's');
  } catch {
    throw new SyntaxError('regular expression');
  }
}

function read(resource: Json, path: readonly string[]): string | undefined {
  let value: unknown = resource;
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  const isScalar = ['string', 'number', 'boolean'].includes(typeof value);
  return isScalar ? String(value) : undefined;
}
