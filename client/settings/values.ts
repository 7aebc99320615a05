// Every setting looked up and checked: values that their declarations let through, and where they come from.
import path from 'node:path';
import type { z } from 'zod';
import { ClientError } from '../errors.ts';
import { formatDuration } from '../output/durations.ts';
import { SETTING_NAMES, type SettingName } from '../flags.ts';
import type { Declaration } from './declaration.ts';
import { DECLARATIONS, type Values } from './declarations.ts';
import type { Origin } from './settings.ts';
import { findGiven, type Given, type Sources } from './sources.ts';

export interface Read {
  values: Values;
  origins: Partial<Record<SettingName, Origin>>;
}

export function readValues(sources: Sources): Read {
  const values: Partial<Record<SettingName, unknown>> = {};
  const origins: Read['origins'] = {};
  for (const name of SETTING_NAMES) {
    const given = findGiven(name, sources);
    if (given) {
      values[name] = checkValue(name, given, sources);
      origins[name] = given.origin;
      continue;
    }
    const declaration: Declaration = DECLARATIONS[name];
    const { default: usual } = declaration;
    if (isOfEmulator(name, sources)) origins[name] = { kind: 'emulator', detail: 'emulator' };
    else if (sources.mode === 'local' && declaration.withLocal === 'nothing')
      origins[name] = { kind: 'local', detail: 'not with --local' };
    else if (usual !== undefined || name === 'stateDir')
      origins[name] = { kind: 'default', detail: 'default' };
  }
  // Each has passed its own schema, which is what the type says.
  return { values: values as Values, origins };
}

/** What the emulator has of its own. */
function isOfEmulator(name: SettingName, { mode }: Sources): boolean {
  return mode === 'emulator' && OF_EMULATOR.includes(name);
}

const OF_EMULATOR: readonly SettingName[] = [
  'project',
  'zone',
  'apiUrl',
  'account',
  'credentials',
  'iapUrl',
  'computeUrl',
];

/** @throws ClientError with the words of the schema, and what was said where */
export function checkValue(name: SettingName, given: Given, sources: Sources): unknown {
  const { schema, localSchema = schema, isPath, field }: Declaration = DECLARATIONS[name];
  const parsed = (sources.mode === 'local' ? localSchema : schema).safeParse(given.value);
  if (parsed.success) {
    if (!isPath) return parsed.data;
    return path.resolve(
      given.folder,
      String(parsed.data).replace(/^~(?=\/|$)/, () => sources.home),
    );
  }
  const problems = parsed.error.issues.map((issue) => problemOf(issue, field));
  throw new ClientError(`${given.said}: ${[...new Set(problems)].join('; ')}`);
}

/** As the API names fields and says what is wrong with them: `labels.team: must be …`. */
function problemOf(issue: z.core.$ZodIssue, field: string | undefined): string {
  const message = wordsOf(issue, field?.endsWith('Seconds') ? formatDuration : String);
  // The flag or key is named already; what is wrong inside of it is not.
  if (field === undefined || issue.path.length === 0) return message;
  const inside = issue.path.map((key) =>
    typeof key === 'number' ? `[${key}]` : `.${String(key)}`,
  );
  return `${field}${inside.join('')}: ${message}`;
}

function wordsOf(issue: z.core.$ZodIssue, inWords: (limit: number) => string): string {
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  // Of a text, a limit counts its characters.
  if (!('origin' in issue) || (issue.origin !== 'number' && issue.origin !== 'int')) {
    return issue.message;
  }
  if (issue.code === 'too_small') return `must be at least ${inWords(Number(issue.minimum))}`;
  if (issue.code === 'too_big') return `must be at most ${inWords(Number(issue.maximum))}`;
  return issue.message;
}
