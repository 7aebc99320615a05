// The flags of the command line, each once: main.ts hands them to the parser, settings/ reads their values. No imports,
// since `--help` and `--version` load this.

/** Settings: each can come from a flag, a variable, the configuration file, gcloud, or its default. */
export const SETTING_NAMES = [
  'project',
  'zone',
  'apiUrl',
  'account',
  'credentials',
  'name',
  'machineType',
  'fallbackZones',
  'spot',
  'diskSizeGb',
  'image',
  'serviceAccount',
  'idleTimeout',
  'idleAction',
  'maxLifetime',
  'labels',
  'runtime',
  'ui',
  'uiBaseImage',
  'gatewayPypi',
  'port',
  'browser',
  'contentDir',
  'stateDir',
  'iapUrl',
  'computeUrl',
] as const;
export type SettingName = (typeof SETTING_NAMES)[number];

/** What the command line said, as it was given; settings/ checks the texts. */
export interface Flags extends Partial<Record<SettingName, string | boolean>> {
  emulator?: true;
  local?: true;
  json?: true;
  quiet?: true;
  yes?: true;
  settings?: true;
  follow?: true;
  logs?: true;
  requirements?: string;
  dockerfile?: string;
  lines?: string;
  force?: true;
  owner?: string;
  untilDetached?: true;
}

export interface FlagDeclaration {
  /** As commander reads it; its long name in camel case is the key in `Flags`. */
  spec: string;
  help: string;
  choices?: readonly string[];
  isHidden?: true;
}

export const RUNTIME_FLAG: FlagDeclaration = {
  spec: '--runtime <kind>',
  help: 'what emulated instances run as: process (default) or docker',
  choices: ['process', 'docker'],
};

/** Of every verb that talks to the backend. */
export const CONNECTION_FLAGS: readonly FlagDeclaration[] = [
  { spec: '--project <id>', help: 'Google Cloud project of the backend' },
  { spec: '--zone <zone>', help: 'zone of the instance, in the region of the backend' },
  { spec: '--api-url <url>', help: 'URL of the backend, where it is not the usual one' },
  { spec: '--account <email>', help: 'who you are, of the accounts that gcloud knows' },
  { spec: '--credentials <file>', help: 'a credential file, instead of gcloud’s account' },
  { spec: '--emulator', help: 'use the Google Cloud emulator on this machine' },
  RUNTIME_FLAG,
];

/** Of every verb that means one session, or the list of them. */
export const LOCAL_FLAG: FlagDeclaration = {
  spec: '--local',
  help: 'kernels in containers of this machine, without a backend',
};

export const OUTPUT_FLAGS: readonly FlagDeclaration[] = [
  { spec: '--json', help: 'one JSON object a line' },
  { spec: '--quiet', help: 'only what was asked for, and what went wrong' },
];

export const NAME_FLAG: FlagDeclaration = {
  spec: '--name <name>',
  help: 'which of your sessions (default: default)',
};

/** An administrator sees everybody's sessions, and touches those of others only when told to. */
export const OWNER_FLAG: FlagDeclaration = {
  spec: '--owner <email>',
  help: 'whose session, for administrators (default: yours)',
};

/** What a session is made with: the fields of `POST /v1/sessions`. */
export const CREATE_FLAGS: readonly FlagDeclaration[] = [
  { spec: '--machine-type <type>', help: 'machine type, such as e2-standard-8' },
  { spec: '--fallback-zones <zones>', help: 'where to try when the zone has no room: a,b,c' },
  { spec: '--spot', help: 'a Spot VM: cheaper, and Google may stop it' },
  { spec: '--disk-size-gb <number>', help: 'size of the boot disk' },
  { spec: '--image <name>', help: 'another gateway image than the project’s' },
  { spec: '--service-account <email>', help: 'what the kernels run as' },
  { spec: '--idle-timeout <time>', help: 'sleep when idle for so long: 45m, 2h, 1d' },
  {
    spec: '--idle-action <action>',
    help: 'how it sleeps: suspend, stop or delete',
    choices: ['suspend', 'stop', 'delete'],
  },
  { spec: '--max-lifetime <time>', help: 'suspend so long after the start, busy or not' },
  { spec: '--labels <labels>', help: 'for filters and bills: team=forecast,cost=7' },
];

export const PORT_FLAG: FlagDeclaration = {
  spec: '--port <number>',
  help: 'on 127.0.0.1 (default: 8081 or the next free one)',
};
