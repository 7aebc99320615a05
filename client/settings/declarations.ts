// The settings, each declared once: flag, variables, property of gcloud, what it must be, default. Its name is its key in
// config.json. docs/settings.md shows this table, and a test compares the two.
import { z } from 'zod';
import { sessionName, zoneName } from '../../functions/contract.ts';
import type { SettingName } from '../flags.ts';
import { secureUrl } from './addresses.ts';
import type { Declaration } from './declaration.ts';
import { SESSION_DECLARATIONS } from './session-declarations.ts';
import { orText, readBoolean, readWholeNumber } from './texts.ts';

const path = z.string().min(1, 'must be the path of a file or folder');

/** As gcloud checks it, with the domain that some have in front. */
const projectId = z
  .string()
  .regex(
    /^([-a-z0-9.]{1,63}:)?[a-z][-a-z0-9]{0,61}[a-z0-9]$/,
    'must be the id of a project, such as my-project-123 (not its name, nor its number)',
  );

export const DECLARATIONS = {
  project: {
    help: 'Google Cloud project of the backend',
    flag: '--project',
    variables: ['PROJECT_ID', 'DATALAB_PROJECT'],
    gcloud: 'core/project',
    schema: projectId,
    defaultInWords: 'none',
    withEmulator: 'nothing',
    withLocal: 'everything',
  },
  zone: {
    help: 'zone of the instance; its region is where the backend is',
    flag: '--zone',
    variables: ['ZONE', 'DATALAB_ZONE'],
    gcloud: 'compute/zone',
    schema: zoneName,
    field: 'zone',
    defaultInWords: 'none',
    withEmulator: 'flag',
    withLocal: 'nothing',
  },
  apiUrl: {
    help: 'URL of the backend, where it is not the usual one',
    flag: '--api-url',
    variables: ['DATALAB_API_URL'],
    schema: secureUrl('https'),
    defaultInWords: '`https://REGION-PROJECT.cloudfunctions.net/api`',
    withEmulator: 'nothing',
    withLocal: 'nothing',
  },
  account: {
    help: 'who you are, of the accounts that gcloud knows',
    flag: '--account',
    variables: ['DATALAB_ACCOUNT'],
    gcloud: 'core/account',
    schema: z.string().min(1, 'must be the e-mail address of an account'),
    defaultInWords: 'none',
    withEmulator: 'said',
    withLocal: 'nothing',
  },
  credentials: {
    help: 'file with credentials, instead of gcloud’s account',
    flag: '--credentials',
    variables: ['DATALAB_CREDENTIALS', 'GOOGLE_APPLICATION_CREDENTIALS'],
    gcloud: 'auth/credential_file_override',
    schema: path,
    isPath: true,
    defaultInWords: 'none',
    withEmulator: 'flag',
    withLocal: 'everything',
  },
  name: {
    help: 'which of your sessions',
    flag: '--name',
    variables: ['DATALAB_NAME'],
    schema: sessionName,
    default: 'default',
    defaultInWords: '`default`',
    withEmulator: 'everything',
    withLocal: 'said',
  },
  ...SESSION_DECLARATIONS,
  runtime: {
    help: 'what the emulator runs instances as: process, or docker',
    flag: '--runtime',
    variables: ['DATALAB_RUNTIME'],
    schema: z.enum(['process', 'docker'], 'must be process or docker'),
    default: 'process',
    defaultInWords: '`process`',
    withEmulator: 'everything',
    withLocal: 'nothing',
  },
  ui: {
    help: 'where the pages come from: container, process, or none',
    flag: '--ui',
    variables: ['DATALAB_UI'],
    schema: z.enum(['container', 'process', 'none'], 'must be container, process or none'),
    defaultInWords: '`container` if Docker runs here',
    withEmulator: 'everything',
    withLocal: 'everything',
  },
  uiBaseImage: {
    help: 'image that the pages’ container is built on, of Debian 13',
    variables: ['DATALAB_UI_BASE_IMAGE'],
    schema: z
      .string()
      .regex(/^\w[-\w./:@]{0,254}$/, 'must be the name of an image, such as debian:trixie-slim'),
    default: 'debian:trixie-slim',
    defaultInWords: '`debian:trixie-slim`',
    withEmulator: 'everything',
    withLocal: 'everything',
  },
  gatewayPypi: {
    help: 'with --local, what the gateway image takes of PyPI: none, or a mirror’s URL',
    variables: ['DATALAB_GATEWAY_PYPI'],
    schema: z
      .string()
      .regex(
        /^(none|default|https?:\/\/[^\s@]+)$/,
        'must be none, default or the URL of a mirror, without a password',
      ),
    default: 'default',
    defaultInWords: '`default`',
    withEmulator: 'nothing',
    withLocal: 'everything',
  },
  port: {
    help: 'port on 127.0.0.1',
    flag: '--port',
    variables: ['DATALAB_PORT'],
    schema: orText(
      z.int().min(1).max(65535),
      readPort,
      'Not a port: give a number from 1 to 65535.',
    ),
    defaultInWords: '8081, or the next free one',
    withEmulator: 'everything',
    withLocal: 'everything',
  },
  browser: {
    help: 'whether start opens a browser',
    flag: '--no-browser',
    variables: ['DATALAB_BROWSER'],
    schema: orText(z.boolean(), readBoolean, 'must be true or false'),
    default: true,
    defaultInWords: '`true`',
    withEmulator: 'everything',
    withLocal: 'everything',
  },
  contentDir: {
    help: 'folder with your notebooks: CONTENT_DIR of start',
    variables: ['DATALAB_CONTENT_DIR'],
    schema: path,
    isPath: true,
    defaultInWords: 'the current folder',
    withEmulator: 'everything',
    withLocal: 'everything',
  },
  stateDir: {
    help: 'folder of what the client keeps: logs, the emulator, who runs what',
    variables: ['DATALAB_STATE_DIR'],
    schema: path,
    isPath: true,
    defaultInWords: '`~/.local/state/datalab` (`XDG_STATE_HOME` counts)',
    withEmulator: 'everything',
    withLocal: 'everything',
  },
  iapUrl: {
    help: 'Google’s TCP forwarding',
    variables: ['DATALAB_IAP_URL'],
    schema: secureUrl('wss'),
    default: 'wss://tunnel.cloudproxy.app/v4',
    defaultInWords: '`wss://tunnel.cloudproxy.app/v4`',
    withEmulator: 'nothing',
    withLocal: 'nothing',
  },
  computeUrl: {
    help: 'Compute Engine, where project and zone are looked up',
    variables: ['DATALAB_COMPUTE_URL'],
    schema: secureUrl('https'),
    default: 'https://compute.googleapis.com',
    defaultInWords: '`https://compute.googleapis.com`',
    withEmulator: 'nothing',
    withLocal: 'nothing',
  },
} as const satisfies Record<SettingName, Declaration>;

/** What the declarations let through. */
export type Values = {
  -readonly [Name in SettingName]?: z.output<(typeof DECLARATIONS)[Name]['schema']>;
};

function readPort(text: string): number | undefined {
  const port = readWholeNumber(text) ?? 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}
