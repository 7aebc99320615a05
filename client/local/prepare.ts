// What the containers of a local session find on this machine when they are made: folders, tokens, Jupyter's configuration.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { folderPrefix } from '../content-folder.ts';
import { replaceFile } from '../replace-file.ts';
import type { LocalPlace } from './place.ts';

/** Its tokens stay what they were: a gateway or an agent that runs knows them. */
export function prepare(place: LocalPlace, contentDir: string): void {
  // Where the engine makes the folder that another one is mounted on, it makes it as root.
  const mountPoint = path.join(place.workDir, folderPrefix(contentDir));
  for (const folder of [place.secretsDir, place.agentDir, mountPoint]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  token(place, 'access-token');
  replaceFile(place.configFile, gatewayConfiguration(token(place, 'gateway-token')));
}

/** What front-ends of the agent must bear; undefined: the session has never run. */
export function accessTokenOf({ secretsDir }: LocalPlace): string | undefined {
  return readToken(path.join(secretsDir, 'access-token'));
}

/** The same as vm-startup.sh writes on an instance; a test compares the two. */
export function gatewayConfiguration(gatewayToken: string): string {
  const configuration = {
    ServerApp: {
      ...{ ip: '0.0.0.0', port: 8888, port_retries: 0, root_dir: '/work' },
      ...{ token: gatewayToken, password: '', open_browser: false, allow_root: true },
      ...{ allow_remote_access: true, disable_check_xsrf: true, limit_rate: false },
      tornado_settings: { websocket_max_message_size: 1_073_741_824 },
    },
    IdentityProvider: { token: gatewayToken },
    ZMQChannelsWebsocketConnection: { limit_rate: false },
    MappingKernelManager: { cull_idle_timeout: 0 },
  };
  return `${JSON.stringify(configuration, undefined, 2)}\n`;
}

function token({ secretsDir }: LocalPlace, name: string): string {
  const file = path.join(secretsDir, name);
  const known = readToken(file);
  if (known !== undefined) return known;
  const made = randomBytes(32).toString('hex');
  replaceFile(file, `${made}\n`);
  return made;
}

function readToken(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, 'utf8').trim();
  return text === '' ? undefined : text;
}
