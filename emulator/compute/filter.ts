// The `filter` parameter of Google's list methods: `labels.x = y`, `(a = b) AND (c != d)`, `name eq "re.*"`.
// Parsed into a predicate; what does not parse is refused, as Google does.
// https://cloud.google.com/compute/docs/reference/rest/v1/instances/list (filter)
import { invalidValue } from '../google-error.ts';
import type { Json } from './links.ts';

type Predicate = (resource: Json) => boolean;

const TOKEN =
  /\s*(?:([()])|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(<=|>=|!=|[=<>:])|([^\s()"'=<>:!]+))/y;

/** Fields that no list method filters by. */
const UNFILTERED = ['metadata', 'networkInterfaces', 'disks', 'serviceAccounts', 'guestOsFeatures'];

export function parseFilter(filter: string | null): Predicate {
  if (!filter) return () => true;
  try {
    return new Parser(filter).parse();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalidValue('filter', filter, 'Invalid list filter expression.');
  }
}

interface Token {
  kind: 'parenthesis' | 'quoted' | 'operator' | 'word';
  text: string;
}

class Parser {
  readonly #tokens: Token[];
  #next = 0;

  constructor(filter: string) {
    this.#tokens = tokenize(filter);
  }

  parse(): Predicate {
    const predicate = this.#any();
    if (this.#peek()) throw new SyntaxError('something follows the expression');
    return predicate;
  }

  #any(): Predicate {
    const terms = [this.#all()];
    while (this.#takeWord('OR')) terms.push(this.#all());
    return (resource) => terms.some((term) => term(resource));
  }

  /** AND may be left out between terms. */
  #all(): Predicate {
    const terms = [this.#term()];
    while (this.#peek() && this.#peek()?.text !== ')' && !this.#isWord('OR')) {
      this.#takeWord('AND');
      terms.push(this.#term());
    }
    return (resource) => terms.every((term) => term(resource));
  }

  #term(): Predicate {
    if (this.#takeWord('NOT')) {
      const negated = this.#term();
      return (resource) => !negated(resource);
    }
    if (this.#peek()?.text !== '(') return this.#comparison();
    this.#next += 1;
    const inner = this.#any();
    if (this.#take().text !== ')') throw new SyntaxError('unbalanced parentheses');
    return inner;
  }

  #comparison(): Predicate {
    const field = this.#take();
    const operator = this.#take();
    const operand = this.#take();
    if (field.kind !== 'word' || !/^[A-Za-z_][\w.-]*$/.test(field.text))
      throw new SyntaxError('field');
    if (operand.kind !== 'word' && operand.kind !== 'quoted') throw new SyntaxError('operand');
    const path = field.text.split('.');
    if (UNFILTERED.includes(path[0] ?? '')) throw new SyntaxError('field');
    const text = operand.kind === 'quoted' ? operand.text.slice(1, -1) : operand.text;
    return compare(path, operator, text);
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #take(): Token {
    const token = this.#tokens[this.#next];
    if (!token) throw new SyntaxError('unexpected end');
    this.#next += 1;
    return token;
  }

  #isWord(word: string): boolean {
    const token = this.#peek();
    return token?.kind === 'word' && token.text === word;
  }

  #takeWord(word: string): boolean {
    const isThere = this.#isWord(word);
    if (isThere) this.#next += 1;
    return isThere;
  }
}

function compare(path: readonly string[], operator: Token, text: string): Predicate {
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

function tokenize(filter: string): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  while (filter.slice(pattern.lastIndex).trim() !== '') {
    const match = pattern.exec(filter);
    if (!match) throw new SyntaxError('unexpected character');
    const [, parenthesis, quoted, operator, word] = match;
    if (parenthesis !== undefined) tokens.push({ kind: 'parenthesis', text: parenthesis });
    else if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted });
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator });
    else tokens.push({ kind: 'word', text: word ?? '' });
  }
  return tokens;
}
