// With `--local`: in the backend's place this machine and its Docker engine. backend.ts loads it when it is asked for.
import { existsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import type { Backend } from '../backend.ts';
import { lookForEngine } from '../docker/engine.ts';
import { loginName, whoRunsThis } from '../docker/person.ts';
import { ClientError } from '../errors.ts';
import type { Identity } from '../identity/open.ts';
import type { Io } from '../io.ts';
import type { CompleteSettings } from '../settings/complete.ts';
import { createLocalApi } from './api.ts';

/** @throws ClientError without an engine */
export async function localBackend(settings: CompleteSettings, io: Io): Promise<Backend> {
  const environment = { ...io.env };
  const found = await lookForEngine({ environment, signal: io.interrupt });
  io.interrupt.throwIfAborted();
  if ('problem' in found) {
    throw new ClientError(`--local needs a Docker engine. Docker: ${found.problem}.`);
  }
  const { gcloudDir, project } = settings;
  const api = createLocalApi({
    ...{ settings, environment, signal: io.interrupt, now: io.now },
    machine: {
      ...{ engine: found.engine, person: whoRunsThis() },
      ...{ login: loginName(), platform: process.platform },
    },
    gateway: () => ({
      gcloudDir: existsSync(gcloudDir) ? gcloudDir : undefined,
      ...{ credentials: credentialFile(settings), project },
    }),
  });
  return {
    ...{ settings, api, credentials: NOBODY, lost: new Promise(() => undefined) },
    way: {
      ...{ stage: 'Connection', words: 'the agent on this machine' },
      open: async ({ tunnel: { port } }) => {
        const socket = connect({ port, host: '127.0.0.1', noDelay: true });
        await once(socket, 'connect');
        return socket;
      },
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Nobody is asked who calls. */
const NOBODY: Identity = {
  command: '',
  idToken: () => Promise.resolve(''),
  accessToken: () => Promise.reject(new Error('nobody is signed in with --local')),
  forget: () => undefined,
  followSignIn: () => undefined,
};

function credentialFile({ credentials, origins }: CompleteSettings): string | undefined {
  if (credentials === undefined) return undefined;
  if (statSync(credentials, { throwIfNoEntry: false })?.isFile()) return credentials;
  throw new ClientError(
    `${origins.credentials?.detail ?? '--credentials'}: there is no file ${credentials}; the kernels were to have it.`,
  );
}
