// What a build has of this machine while it runs: a folder that its steps share, a home with the credentials that
// Cloud Build gives docker, and an environment with stand-ins first on PATH.
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ENGINE_STAND_INS, engineEnvironment } from '../engine/engine-docker.ts';
import type { Engine } from '../engine/engine.ts';
import { EMULATOR, EXTENSION } from '../installed.ts';
import { serviceAccountIdentity } from '../oidc/service-account.ts';
import { CLOUD_PLATFORM, type Tokens } from '../oidc/tokens.ts';
import { writeDockerCredentials } from '../registry/docker-credentials.ts';
import type { Build, Step } from './state.ts';
import { BUILDERS } from './validation.ts';

export interface WorkspaceOptions {
  stateDir: string;
  /** The user's PATH: where bash and its tools are. */
  searchPath: string;
  tokens: Tokens;
  registryUrl: () => string;
  emulatorId: string;
  /** Steps' docker is the engine's; without one it is the stand-in beside this file. */
  engine: Engine | undefined;
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
  mkdirSync(workspace, { recursive: true, mode: 0o700 });
  writeCredentials(path.join(home, '.docker'), build, options);
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
      LANG: 'C.UTF-8',
      HOME: home,
      ...dockerEnvironment(options, path.join(folder, 'docker')),
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

function dockerEnvironment(
  { engine, emulatorId, registryUrl, searchPath }: WorkspaceOptions,
  dockerFolder: string,
): Record<string, string> {
  if (engine) {
    return {
      PATH: [ENGINE_STAND_INS, STAND_INS, searchPath].join(':'),
      ...engineEnvironment(engine, emulatorId, registryUrl()),
    };
  }
  return {
    PATH: `${STAND_INS}:${searchPath}`,
    DATALAB_EMULATOR_NODE: process.execPath,
    DATALAB_EMULATOR_DOCKER: DOCKER,
    DATALAB_EMULATOR_DOCKER_FOLDER: dockerFolder,
    DATALAB_EMULATOR_REGISTRY: registryUrl(),
  };
}

/** As Cloud Build writes them for the builder's docker: the token of the account that builds. */
function writeCredentials(
  folder: string,
  { images = [], serviceAccount }: Build,
  { tokens, registryUrl }: WorkspaceOptions,
): void {
  const identity = serviceAccountIdentity(serviceAccount.split('/').at(-1) ?? '');
  const token = tokens.issueAccessToken(identity, CLOUD_PLATFORM);
  const named = images.map((image) => image.split('/')[0] ?? '');
  // An engine reaches the emulated registry by its own name.
  writeDockerCredentials(folder, ['gcr.io', new URL(registryUrl()).host, ...named], token);
}

function parsed(entries: readonly string[]): Record<string, string> {
  const pairs = entries.map((entry) => {
    const at = entry.indexOf('=');
    return [entry.slice(0, at), entry.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs);
}
