// How the container of the notebook pages is run: the command line of `docker`. Pure; ui-container.ts runs it.
import { userArguments, type Engine, type Person } from './engine-info.ts';

/** Where the pages answer, as the engine allows: see engine-info.ts. */
export type UiWay = 'socket' | 'port';

export interface UiContainerSettings {
  name: string;
  image: string;
  engine: Engine;
  person: Person;
  platform: string;
  way: UiWay;
  contentDir: string;
  /** The user's alone; the socket is made there. */
  runFolder: string;
  /** Keeps JupyterLab's settings and workspaces. */
  volume: string;
  labels: Readonly<Record<string, string>>;
}

export const PORT_INSIDE = 8888;
export const SOCKET_NAME = 'ui';
const RUN_INSIDE = '/run/datalab';

/** Standard input stays open: its end is the container's. The token comes that way, too, and is not here. */
export function runArguments(settings: UiContainerSettings): string[] {
  const { name, image, engine, person, platform, contentDir, runFolder, volume } = settings;
  return [
    ...['run', '--rm', '--interactive', '--pull=never', `--name=${name}`],
    ...Object.entries(settings.labels).map(([key, value]) => `--label=${key}=${value}`),
    ...['--cap-drop=ALL', '--security-opt=no-new-privileges', '--read-only', '--tmpfs=/tmp'],
    ...userArguments(engine, person, platform),
    // SELinux lets a container read no folder of a home, unless the folder is given another label.
    ...(engine.hasSelinux ? ['--security-opt=label=disable'] : []),
    // What it prints goes to our log; the engine need not keep it, too.
    '--log-driver=none',
    `--mount=${mount({ type: 'bind', source: contentDir, target: '/content' })}`,
    // On a port it is of no use, but that it can be mounted proves that the engine has this machine's folders.
    `--mount=${mount({ type: 'bind', source: runFolder, target: RUN_INSIDE })}`,
    `--mount=${mount({ type: 'volume', source: volume, target: '/state' })}`,
    ...wayArguments(settings.way, image),
  ];
}

function wayArguments(way: UiWay, image: string): string[] {
  if (way === 'socket') {
    const socket = `--ServerApp.sock=${RUN_INSIDE}/${SOCKET_NAME}`;
    // Nothing but the relay talks to it, and it talks to nobody.
    return ['--network=none', image, socket, '--ServerApp.sock_mode=0600'];
  }
  const address = ['--ServerApp.ip=0.0.0.0', `--ServerApp.port=${PORT_INSIDE}`];
  // The engine chooses a port that is free.
  return [`--publish=127.0.0.1::${PORT_INSIDE}`, image, ...address, '--ServerApp.port_retries=0'];
}

/** A line of CSV, as `docker` reads it: folders may have commas and quotes in their names. */
export function mount(fields: Record<string, string>, ...flags: string[]): string {
  return [...Object.entries(fields).map(([key, value]) => `${key}=${value}`), ...flags]
    .map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(',');
}
