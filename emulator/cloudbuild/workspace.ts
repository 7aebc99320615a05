// What a build has of this machine while it runs: a folder that its steps share, a home with the credentials that
// Cloud Build gives docker, and an environment with stand-ins first on PATH.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EMULATOR, EXTENSION } from '../installed.ts';
import { serviceAccountIdentity } from '../oidc/service-account.ts';
import { CLOUD_PLATFORM, type Tokens } from '../oidc/tokens.ts';
import type { Build, Step } from './state.ts';
import { BUILDERS } from './validation.ts';

export interface WorkspaceOptions {
  stateDir: string;
  /** The user's PATH: where bash and its tools are. */
  searchPath: string;
  tokens: Tokens;
  registryUrl: () => string;
}

export interface Workspace {
  wordsOf(step: Step): string[];
  folderOf(step: Step): string;
  environmentOf(step: Step): Record<string, string>;
  remove(): void;
}

const STAND_INS = path.join(EMULATOR, 'runtime', 'stand-ins');
const DOCKER = path.join(EMULATOR, 'cloudbuild', `docker${EXTENSION}`);

export function openWorkspace(build: Build, options: WorkspaceOptions): Workspace {
  const folder = path.join(buildsFolder(options.stateDir), build.id);
  const workspace = path.join(folder, 'workspace');
  const home = path.join(folder, 'home');
  for (const needed of [workspace, path.join(home, '.docker')]) {
    mkdirSync(needed, { recursive: true, mode: 0o700 });
  }
  const credentials = JSON.stringify(dockerCredentials(build, options.tokens));
  writeFileSync(path.join(home, '.docker', 'config.json'), credentials, { mode: 0o600 });
  return {
    wordsOf: ({ name, entrypoint, args = [] }) => [
      entrypoint ?? BUILDERS[name.replace(/:latest$/, '')] ?? name,
      ...args,
    ],
    folderOf({ dir = '' }) {
      const place = path.join(workspace, dir);
      mkdirSync(place, { recursive: true });
      return place;
    },
    environmentOf: ({ env = [] }) => ({
      PATH: `${STAND_INS}:${options.searchPath}`,
      LANG: 'C.UTF-8',
      HOME: home,
      DATALAB_EMULATOR_NODE: process.execPath,
      DATALAB_EMULATOR_DOCKER: DOCKER,
      DATALAB_EMULATOR_DOCKER_FOLDER: path.join(folder, 'docker'),
      DATALAB_EMULATOR_REGISTRY: options.registryUrl(),
      ...parsed([...(build.options.env ?? []), ...env]),
    }),
    remove() {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** What builds of an earlier emulator left. */
export function removeWorkspaces(stateDir: string): void {
  rmSync(buildsFolder(stateDir), { recursive: true, force: true, maxRetries: 5 });
}

function buildsFolder(stateDir: string): string {
  return path.join(stateDir, 'builds');
}

/** As Cloud Build writes them for the builder's docker: the token of the account that builds. */
function dockerCredentials({ images = [], serviceAccount }: Build, tokens: Tokens) {
  const identity = serviceAccountIdentity(serviceAccount.split('/').at(-1) ?? '');
  const token = tokens.issueAccessToken(identity, CLOUD_PLATFORM);
  const auth = Buffer.from(`oauth2accesstoken:${token}`).toString('base64');
  const hosts = new Set(['gcr.io', ...images.map((image) => image.split('/')[0] ?? '')]);
  return { auths: Object.fromEntries([...hosts].map((host) => [`https://${host}`, { auth }])) };
}

function parsed(entries: readonly string[]): Record<string, string> {
  const pairs = entries.map((entry) => {
    const at = entry.indexOf('=');
    return [entry.slice(0, at), entry.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs);
}
