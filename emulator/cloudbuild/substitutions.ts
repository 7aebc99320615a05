// Substitutions: $_NAME and ${_NAME} in a build's steps, images and tags become values, $$ becomes $. Strict, as
// Cloud Build is when it is asked by hand: what is missing or unused is refused.
// https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values
import { notEmulated, rpcError } from '../google-error.ts';

export interface SubstitutionRules {
  /** $PROJECT_ID and the like. */
  builtIn: Readonly<Record<string, string>>;
  /** The build's own. */
  given: Readonly<Record<string, string>>;
  /** The values of `given` may refer to others. */
  isDynamic: boolean;
  isLoose: boolean;
}

export interface Substitutions {
  /** Values of the build's own ones, references resolved. */
  readonly values: Readonly<Record<string, string>>;
  readonly apply: (template: string) => string;
  /** To be called at the end. @throws GoogleError for what was not matched. */
  readonly check: () => void;
}

/** Empty in builds that no trigger started; may be given. */
const OVERRIDABLE = [
  'REPO_NAME',
  'REPO_FULL_NAME',
  'BRANCH_NAME',
  'TAG_NAME',
  'REF_NAME',
  'REVISION_ID',
  'COMMIT_SHA',
  'SHORT_SHA',
  'TRIGGER_NAME',
  'TRIGGER_BUILD_CONFIG_PATH',
];
const REFERENCE = /\$(?:(\$)|([A-Z_][A-Z0-9_]*)|\{([A-Z_][A-Z0-9_]*)([^}]*)\})/g;
const MAX_DEPTH = 10;

export function createSubstitutions(rules: SubstitutionRules): Substitutions {
  const { builtIn, given, isDynamic, isLoose } = rules;
  for (const key of Object.keys(given)) checkKey(key);
  const known: Record<string, string> = {
    ...Object.fromEntries(OVERRIDABLE.map((name) => [name, ''])),
    ...builtIn,
    ...given,
  };
  const used = new Set<string>();
  const problems: string[] = [];
  const replace = (template: string, values: Readonly<Record<string, string>>) =>
    template.replace(REFERENCE, (match: string, dollar, plain, braced, operation) => {
      if (dollar !== undefined) return '$';
      const name = String(plain ?? braced);
      if (operation) {
        if (isDynamic) throw notEmulated(`the substitution '${match}'`);
        return match;
      }
      used.add(name);
      const value = values[name];
      if (value !== undefined) return value;
      problems.push(
        name.startsWith('_')
          ? `key in the template "${name}" is not matched in the substitution data`
          : `key in the template "${name}" is not a valid built-in substitution`,
      );
      return '';
    });
  const resolve = (value: string, depth = 0): string => {
    const next = replace(value, known);
    if (next === value || depth === MAX_DEPTH) return next;
    return resolve(next, depth + 1);
  };
  const values = isDynamic
    ? Object.fromEntries(Object.entries(given).map(([key, value]) => [key, resolve(value)]))
    : given;
  return {
    values,
    apply: (template) => replace(template, { ...known, ...values }),
    check() {
      const unused = Object.keys(given).filter((key) => key.startsWith('_') && !used.has(key));
      const all = [
        ...problems,
        ...unused.map(
          (key) => `key "${key}" in the substitution data is not matched in the template`,
        ),
      ];
      if (isLoose || all.length === 0) return;
      const what = [...new Set(all)].join(';');
      throw rpcError('INVALID_ARGUMENT', `invalid value for 'build.substitutions': ${what}`);
    },
  };
}

function checkKey(key: string): void {
  if (/^_[A-Z0-9_]+$/.test(key) || OVERRIDABLE.includes(key)) return;
  throw rpcError(
    'INVALID_ARGUMENT',
    `invalid build: invalid .substitutions field: substitution key "${key}" does not respect format ` +
      '"^_[A-Z0-9_]+$" and is not an overridable built-in substitutions',
  );
}
