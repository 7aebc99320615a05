// How gateway and agent of a local session are run: the command lines of `docker`. Pure; bring-up.ts runs them. The same two
// containers as on an instance (docker/gateway/vm-startup.sh), as the person whose machine it is.
import { createHash } from 'node:crypto';
import { folderPrefix } from '../content-folder.ts';
import { mount } from '../docker/ui-container-arguments.ts';
import { userArguments, type Engine, type Person } from '../docker/engine-info.ts';
import type { LocalPlace } from './place.ts';

export const AGENT_PORT_INSIDE = 8888;
/** The session that a container is of, and what it was run with: another one is made when that changes. */
export const SESSION_LABEL = 'datalab.local.session';
export const ARGUMENTS_LABEL = 'datalab.local.arguments';
/** Which folder of notebooks it has: another one may have its name by now. */
export const FOLDER_LABEL = 'datalab.local.folder';

const GATEWAY_PORT = 8888;
const SECRETS_INSIDE = '/run/datalab';
const GCLOUD_INSIDE = '/gcloud';
const CREDENTIALS_INSIDE = '/run/datalab-credentials.json';

export interface Machine {
  engine: Engine;
  person: Person;
  login: string;
  platform: string;
}

export interface GatewaySettings {
  image: string;
  contentDir: string;
  /** See `FOLDER_LABEL`. */
  folderId: string;
  /** gcloud's folder; undefined: there is none. */
  gcloudDir: string | undefined;
  /** A credential file that was asked for. */
  credentials: string | undefined;
  project: string | undefined;
}

export interface AgentSettings {
  image: string;
  idleTimeoutSeconds: number | undefined;
}

/**
 * The kernels see the folder of notebooks under the name that stands for it in notebook sessions, so that a notebook's kernel
 * begins beside it, and gcloud's folder, which they cannot change.
 */
export function gatewayArguments(
  place: LocalPlace,
  machine: Machine,
  settings: GatewaySettings,
): string[] {
  const { contentDir, gcloudDir, credentials, project, image } = settings;
  return labelled(place, [
    ...[`--name=${place.gateway}`, `--label=${FOLDER_LABEL}=${settings.folderId}`],
    ...[`--network=${place.network}`, `--network-alias=${place.gatewayHost}`],
    // What crashes at once, again and again, is broken.
    '--restart=on-failure:5',
    ...common(machine),
    bind(place.configFile, '/etc/jupyter/jupyter_server_config.json', 'readonly'),
    bind(place.workDir, '/work'),
    bind(contentDir, `/work/${folderPrefix(contentDir)}`),
    '--workdir=/work',
    // Whoever the person is, the image has no home for them.
    ...['--env=HOME=/work', `--env=USER=${machine.login}`],
    '--env=JUPYTER_RUNTIME_DIR=/tmp/jupyter-runtime',
    ...(gcloudDir === undefined
      ? []
      : [bind(gcloudDir, GCLOUD_INSIDE, 'readonly'), `--env=CLOUDSDK_CONFIG=${GCLOUD_INSIDE}`]),
    ...(credentials === undefined ? [] : credentialArguments(credentials)),
    ...(project === undefined ? [] : [`--env=GOOGLE_CLOUD_PROJECT=${project}`]),
    image,
  ]);
}

/** It has the host's process ids, to see whether kernels compute, and nothing else of the host's. */
export function agentArguments(
  place: LocalPlace,
  machine: Machine,
  { image, idleTimeoutSeconds }: AgentSettings,
): string[] {
  return labelled(place, [
    ...[`--name=${place.agent}`, `--network=${place.network}`, '--pid=host'],
    '--restart=on-failure',
    ...common(machine),
    ...['--cap-drop=ALL', '--read-only'],
    `--publish=127.0.0.1::${AGENT_PORT_INSIDE}`,
    bind(place.secretsDir, SECRETS_INSIDE, 'readonly'),
    bind(place.agentDir, '/var/lib/datalab-agent'),
    ...['--env=AGENT_ADDRESS=0.0.0.0', `--env=AGENT_PORT=${AGENT_PORT_INSIDE}`],
    `--env=GATEWAY_URL=http://${place.gatewayHost}:${GATEWAY_PORT}`,
    `--env=GATEWAY_TOKEN_FILE=${SECRETS_INSIDE}/gateway-token`,
    `--env=ACCESS_TOKEN_FILE=${SECRETS_INSIDE}/access-token`,
    '--env=AGENT_STATE_DIR=/var/lib/datalab-agent',
    ...(idleTimeoutSeconds === undefined ? [] : [`--env=IDLE_SECONDS=${idleTimeoutSeconds}`]),
    image,
  ]);
}

/** One that ends with 0 has wanted to and is not started again. */
function common({ engine, person, platform }: Machine): string[] {
  return [
    '--security-opt=no-new-privileges',
    ...['--log-driver=json-file', '--log-opt=max-size=10m'],
    ...userArguments(engine, person, platform),
    // SELinux lets a container read no folder of a home, unless the folder is given another label.
    ...(engine.hasSelinux ? ['--security-opt=label=disable'] : []),
  ];
}

function credentialArguments(file: string): string[] {
  return [
    bind(file, CREDENTIALS_INSIDE, 'readonly'),
    `--env=GOOGLE_APPLICATION_CREDENTIALS=${CREDENTIALS_INSIDE}`,
    `--env=CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE=${CREDENTIALS_INSIDE}`,
  ];
}

function labelled({ name }: LocalPlace, args: string[]): string[] {
  const digest = createHash('sha256').update(JSON.stringify(args)).digest('hex').slice(0, 16);
  return [
    ...['run', '--detach', '--pull=never'],
    ...[`--label=${SESSION_LABEL}=${name}`, `--label=${ARGUMENTS_LABEL}=${digest}`],
    ...args,
  ];
}

function bind(source: string, target: string, ...flags: 'readonly'[]): string {
  return `--mount=${mount({ type: 'bind', source, target }, ...flags)}`;
}
