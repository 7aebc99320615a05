// Where a local session is on this machine (pure): its folder, and what its containers are called. Everything of it is found
// again by its name.
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { CompleteSettings } from '../settings/complete.ts';
import { isSaid } from '../settings/settings.ts';

export interface LocalPlace {
  name: string;
  /** Everything that is kept of it. */
  folder: string;
  /** Who has it says so here. */
  recordFile: string;
  /** Held by whoever changes containers of this state folder's sessions. */
  lockFile: string;
  /** Tokens; only their owner reads them. */
  secretsDir: string;
  /** Jupyter's configuration for the gateway. */
  configFile: string;
  /** The kernels' folder, with what users install. */
  workDir: string;
  /** The agent's state: the kernels' logs. */
  agentDir: string;
  gateway: string;
  agent: string;
  /** The gateway's in the network: no longer than a name there may be, however long the session's is. */
  gatewayHost: string;
  /** All of a state folder's are on one: an engine has only some thirty to give. */
  network: string;
}

/** Where its instance would be. */
export const HERE = 'local';

/** Of all local sessions. */
export function localFolder(stateDir: string): string {
  return path.join(stateDir, 'local');
}

/** Containers bear the state folder, too: an engine may serve several people, and tests. */
export function placeOf(stateDir: string, name: string): LocalPlace {
  const folder = path.join(localFolder(stateDir), name);
  const common = `datalab-${name}-${digestOf(folder).slice(0, 8)}`;
  return {
    ...{ name, folder },
    recordFile: path.join(folder, 'session.json'),
    lockFile: path.join(localFolder(stateDir), 'lock'),
    secretsDir: path.join(folder, 'secrets'),
    configFile: path.join(folder, 'jupyter_server_config.json'),
    workDir: path.join(folder, 'work'),
    agentDir: path.join(folder, 'agent'),
    gateway: `${common}-gateway`,
    agent: `${common}-agent`,
    gatewayHost: `gateway-${digestOf(folder).slice(0, 8)}`,
    network: `datalab-local-${digestOf(localFolder(stateDir)).slice(0, 8)}`,
  };
}

/**
 * With `--local` a session is for one folder of notebooks, whose files its kernels see. Unless a name is said, it is named by
 * the folder.
 */
export function atFolder(settings: CompleteSettings, folder: string): CompleteSettings {
  if (!settings.local) return settings;
  const name = isSaid(settings.origins.name) ? settings.name : nameOf(folder);
  return { ...settings, contentDir: folder, name };
}

/** `notebooks-1a2b3c`: of the same letters as any session's name. */
function nameOf(folder: string): string {
  const base = path
    .basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
  const word = base
    .replaceAll(/^[-0-9]+|-+$/g, '')
    .slice(0, 24)
    .replace(/-+$/, '');
  return `${word || 'folder'}-${digestOf(folder).slice(0, 6)}`;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
