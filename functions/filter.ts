// AIP-160, as far as lists of sessions need it: `field = value` and `field != value`, joined by AND. A state is
// derived and not stored, so what is filtered are the sessions as they are answered (pure). Used by list.ts.
import { IDLE_ACTIONS, SESSION_STATES, WANTS, type SessionView } from './contract.ts';
import { invalidFields } from './errors.ts';

const FIELDS: Readonly<Record<string, (view: SessionView) => string>> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  state: ({ state }) => state,
  want: ({ want }) => want,
  zone: ({ zone }) => zone,
  machineType: ({ machineType }) => machineType,
  'owner.email': ({ owner }) => owner.email,
  spot: ({ spot }) => String(spot),
  idleAction: ({ idleAction }) => idleAction,
};

/** Where only these can be asked for: a mistyped state is no reason for an empty list. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  state: SESSION_STATES,
  want: WANTS,
  spot: ['true', 'false'],
  idleAction: IDLE_ACTIONS,
};

const TERM = /^\s*([A-Za-z][\w.-]*)\s*(!=|=|:)\s*("(?:[^"\\]|\\.)*"|[^\s"=!:()]+)/;

/** @throws AppError that says what is wrong with the filter */
export function parseFilter(filter = ''): (view: SessionView) => boolean {
  if (filter.trim() === '') return () => true;
  const tests: ((view: SessionView) => boolean)[] = [];
  let rest = filter;
  for (;;) {
    const match = TERM.exec(rest);
    if (!match) throw refused(`cannot be read at ${JSON.stringify(rest.slice(0, 40))}`);
    const [term, field = '', operator, value = ''] = match;
    tests.push(testOf(field, operator === '!=', unquoted(value)));
    rest = rest.slice(term.length);
    if (rest.trim() === '') return (view) => tests.every((test) => test(view));
    const and = /^\s+AND(?=\s)/.exec(rest);
    if (!and)
      throw refused(
        `only AND may stand between terms, not ${JSON.stringify(rest.trim().slice(0, 40))}`,
      );
    rest = rest.slice(and[0].length);
  }
}

function testOf(field: string, isNegated: boolean, value: string): (view: SessionView) => boolean {
  const read = readerOf(field);
  const values = Object.hasOwn(VALUES, field) ? VALUES[field] : undefined;
  if (values && !values.includes(value)) {
    throw refused(`has no ${field} ${JSON.stringify(value)}; it is one of ${values.join(', ')}`);
  }
  return (view) => (read(view) === value) !== isNegated;
}

function readerOf(field: string): (view: SessionView) => string | undefined {
  const [, label] = /^labels\.(.+)$/.exec(field) ?? [];
  if (label !== undefined) return ({ labels }) => labels[label];
  const read = Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined;
  if (read) return read;
  const known = [...Object.keys(FIELDS), 'labels.KEY'].join(', ');
  throw refused(`has no field ${field}; fields are ${known}`);
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value;
}

function refused(description: string) {
  return invalidFields([{ field: 'filter', description }]);
}
