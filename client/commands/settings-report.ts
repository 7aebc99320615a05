// `datalab-client status --settings`: each setting, its value and where it comes from. Calls nobody.
import { SETTING_NAMES, type Flags, type SettingName } from '../flags.ts';
import type { Io } from '../io.ts';
import type { Declaration } from '../settings/declaration.ts';
import { DECLARATIONS } from '../settings/declarations.ts';
import { nearest } from '../settings/nearest.ts';
import { readSettings, type Settings } from '../settings/settings.ts';

interface Row {
  setting: SettingName;
  /** `null`: not set. */
  value: string | number | boolean | object | null;
  source: { kind: string; detail: string };
}

const PREFIX = 'DATALAB_';

/** Not settings, but ours: the rest of what begins with DATALAB_ is somebody's mistake. */
const OTHER_VARIABLES = ['DATALAB_CONFIG', 'DATALAB_UI_SERVER'];
const OTHER_PREFIXES = ['DATALAB_FUNCTIONS_', 'DATALAB_EMULATOR_'];

export function reportSettings(flags: Flags, io: Io): void {
  const settings = readSettings(flags, io);
  const rows = SETTING_NAMES.map((name) => rowOf(name, settings));
  const lines = flags.json ? rows.map((row) => JSON.stringify(row)) : table(rows, io);
  io.stdout.write(`${lines.join('\n')}\n`);
  for (const warning of unknownVariables(io.env)) io.stderr.write(`${warning}\n`);
}

function rowOf(setting: SettingName, settings: Settings): Row {
  const { field }: Declaration = DECLARATIONS[setting];
  const source = settings.origins[setting] ?? absence(setting);
  if (source.kind === 'emulator' || source.kind === 'local')
    return { setting, value: null, source };
  const values: Partial<Record<SettingName, Row['value'] | undefined>> = settings;
  return { setting, value: values[setting] ?? (field && settings.session[field]) ?? null, source };
}

function absence(setting: SettingName): Row['source'] {
  const { defaultInWords }: Declaration = DECLARATIONS[setting];
  if (defaultInWords === 'none' || setting === 'apiUrl') return { kind: 'none', detail: 'not set' };
  return { kind: 'default', detail: `default: ${defaultInWords.replaceAll('`', '')}` };
}

/** A source that does not fit beside its value goes below it. */
function table(rows: readonly Row[], { outputColumns = Infinity }: Io): string[] {
  const cells = rows.map((row) => [row.setting, textOf(row), row.source.detail]);
  const first = Math.max(...cells.map(([setting = '']) => setting.length)) + 2;
  const second = Math.min(34, Math.max(...cells.map(([, value = '']) => value.length))) + 2;
  return cells.map(([setting = '', value = '', source = '']) => {
    const left = setting.padEnd(first) + value.padEnd(second);
    if (value.length <= second - 2 && left.length + source.length <= outputColumns)
      return left + source;
    return `${setting.padEnd(first)}${value}\n${' '.repeat(first + 2)}${source}`;
  });
}

function textOf({ setting, value }: Row): string {
  if (value === null) return '-';
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'object') return pairsOf(value);
  const { field }: Declaration = DECLARATIONS[setting];
  return field?.endsWith('Seconds') ? `${String(value)} s` : String(value);
}

function pairsOf(value: object): string {
  return Object.entries(value)
    .map((pair) => pair.join('='))
    .join(',');
}

function unknownVariables(env: Io['env']): string[] {
  const known = [
    ...SETTING_NAMES.flatMap((name): readonly string[] => DECLARATIONS[name].variables),
    ...OTHER_VARIABLES,
  ].filter((name) => name.startsWith(PREFIX));
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .filter((name) => !OTHER_PREFIXES.some((prefix) => name.startsWith(prefix)))
    .sort()
    .map((name) => `${name} is no variable of this program.${meant(name, known)}`);
}

/** The prefix that all have says nothing. */
function meant(name: string, known: readonly string[]): string {
  const rests = known.map((one) => one.slice(PREFIX.length));
  const [best] = nearest(name.slice(PREFIX.length), rests);
  return best === undefined ? '' : ` Did you mean ${PREFIX}${best}?`;
}
