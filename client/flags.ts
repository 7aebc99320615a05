// What the command line says, as main.ts reads it and the commands take it.

/** Flags that every command takes. */
export interface CommonFlags {
  emulator?: true;
  json?: true;
  quiet?: true;
}

export interface SessionFlags extends CommonFlags {
  name: string;
}

export interface StartFlags extends SessionFlags {
  ui: 'process' | 'none';
  port?: number;
  browser: boolean;
  /** As it was given. */
  contentDir?: string | undefined;
}
