// What `start` and `connect` go by, put together of flags and settings once.
import type { Flags } from '../flags.ts';
import type { Io } from '../io.ts';
import { isSaid, type Settings } from '../settings/settings.ts';

export interface StartOptions
  extends
    Pick<Flags, 'emulator' | 'local' | 'json' | 'quiet'>,
    Pick<Settings, 'name' | 'runtime' | 'ui' | 'port' | 'browser'> {
  verb: 'start' | 'connect';
  /** The folder says which session is meant, and not a name. */
  isNamedByFolder: boolean;
  /** As it was given. */
  contentDir: string | undefined;
  /** Flags that say which backend, as they were given. */
  connectionFlags: readonly string[];
}

export function startOptions(
  verb: StartOptions['verb'],
  contentDir: string | undefined,
  flags: Flags,
  { name, runtime, ui, port, browser, origins }: Settings,
): StartOptions {
  const { emulator, local, json, quiet } = flags;
  return {
    ...(emulator ? { emulator } : {}),
    ...(local ? { local } : {}),
    ...(json ? { json } : {}),
    ...(quiet ? { quiet } : {}),
    ...{ verb, contentDir, name, runtime, port, browser },
    ui: verb === 'connect' ? 'none' : ui,
    isNamedByFolder: local === true && !isSaid(origins.name),
    connectionFlags: connectionFlags(flags),
  };
}

/** Somebody sits there, reads what is drawn, and can press a key. */
export function isInteractive({ json, quiet }: StartOptions, io: Io): boolean {
  return io.stdin !== undefined && io.isTerminal && !json && !quiet;
}

/** Those that a command needs which is to reach the same backend. */
export function connectionFlags(flags: Flags): string[] {
  const given = { project: '--project', zone: '--zone', apiUrl: '--api-url' } as const;
  const more = {
    account: '--account',
    credentials: '--credentials',
    runtime: '--runtime',
  } as const;
  const named = Object.entries({ ...given, ...more }).flatMap(([name, flag]) => {
    const value = flags[name as keyof typeof given];
    return typeof value === 'string' ? [`${flag} ${quoted(value)}`] : [];
  });
  return [...(flags.emulator ? ['--emulator'] : []), ...(flags.local ? ['--local'] : []), ...named];
}

/** For a shell, and as it is where that needs nothing. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
