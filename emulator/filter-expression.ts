// Filter expressions of Google's list methods: `labels.x = y`, `(a = b) AND (c != d)`, `name eq "re.*"`, parsed
// into a predicate. What a comparison means is each service's own.

export type Predicate<T> = (item: T) => boolean;

/** @throws SyntaxError when the service has no such comparison */
export type Compare<T> = (path: readonly string[], operator: Token, text: string) => Predicate<T>;

/** The last kind, a word, may be a field: parts of its path that are no words are quoted, `a."b/c".d`. */
const TOKEN =
  /\s*(?:([()])|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(<=|>=|!=|[=<>:])|([^\s()"'=<>:!]+(?:(?<=\.)"[^"\\]+"(?:\.[^\s()"'=<>:!]+)?)*))/y;
const FIELD = /^[A-Za-z_][\w-]*(?:\.(?:[\w-]+|"[^"\\]+"))*$/;
const FIELD_PART = /[\w-]+|"[^"]+"/g;

/** @throws SyntaxError */
export function parseExpression<T>(filter: string, compare: Compare<T>): Predicate<T> {
  return new Parser(filter, compare).parse();
}

export interface Token {
  kind: 'parenthesis' | 'quoted' | 'operator' | 'word';
  text: string;
}

class Parser<T> {
  readonly #tokens: Token[];
  readonly #compare: Compare<T>;
  #next = 0;

  constructor(filter: string, compare: Compare<T>) {
    this.#tokens = tokenize(filter);
    this.#compare = compare;
  }

  parse(): Predicate<T> {
    const predicate = this.#any();
    if (this.#peek()) throw new SyntaxError('something follows the expression');
    return predicate;
  }

  #any(): Predicate<T> {
    const terms = [this.#all()];
    while (this.#takeWord('OR')) terms.push(this.#all());
    return (item) => terms.some((term) => term(item));
  }

  /** AND may be left out between terms. */
  #all(): Predicate<T> {
    const terms = [this.#term()];
    while (this.#peek() && this.#peek()?.text !== ')' && !this.#isWord('OR')) {
      this.#takeWord('AND');
      terms.push(this.#term());
    }
    return (item) => terms.every((term) => term(item));
  }

  #term(): Predicate<T> {
    if (this.#takeWord('NOT')) {
      const negated = this.#term();
      return (item) => !negated(item);
    }
    if (this.#peek()?.text !== '(') return this.#comparison();
    this.#next += 1;
    const inner = this.#any();
    if (this.#take().text !== ')') throw new SyntaxError('unbalanced parentheses');
    return inner;
  }

  #comparison(): Predicate<T> {
    const field = this.#take();
    const operator = this.#take();
    const operand = this.#take();
    if (field.kind !== 'word' || !FIELD.test(field.text)) throw new SyntaxError('field');
    if (operand.kind !== 'word' && operand.kind !== 'quoted') throw new SyntaxError('operand');
    const path = (field.text.match(FIELD_PART) ?? []).map((part) => part.replaceAll('"', ''));
    const text = operand.kind === 'quoted' ? operand.text.slice(1, -1) : operand.text;
    return this.#compare(path, operator, text);
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
