// The whole backend on the emulator, as team tooling sees it: HTTP and ID tokens, nothing of the client. Instances really
// boot, with Jupyter; a session's gateway is reached at its emulated address with the token from :connect.
import path from 'node:path';
import type { TestContext } from 'node:test';
import { runEmulator, type Emulator } from '../../emulator/main.ts';
import { NO_DURATIONS, type EmulatorOptions } from '../../emulator/options.ts';
import {
  connectResponse,
  errorBody,
  session,
  type CreateSessionRequest,
  type ErrorBody,
  type SessionView,
} from '../../functions/contract.ts';
import { PROJECT, request, signIn, ZONE } from '../emulator/cloud-fixture.ts';
import { compiledCode } from './compiled-code.ts';
import { googleWorldOf, type GoogleWorld } from './google-world.ts';
import { fetchInTime, inTime } from './in-time.ts';
import type { Gateway } from './jupyter-front-end.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface Answer {
  status: number;
  body: unknown;
}

export interface ApiAnswer {
  /** Method and path. */
  call: string;
  status: number;
  text: string;
}

export interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
}

/** One caller of the API. */
export interface Tooling {
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** @throws unless the answer is 200 */
  ok(method: string, path: string, options?: CallOptions): Promise<unknown>;
  /** The error of an answer that is none of 200. */
  refused(method: string, path: string, options?: CallOptions): Promise<ErrorBody['error']>;
  create(wanted?: Partial<CreateSessionRequest>): Promise<SessionView>;
  get(id: string): Promise<SessionView>;
  /** Waits, as a client does, until the session is in one of these states; with it gone, `GONE`. */
  settle(id: string, ...states: string[]): Promise<SessionView | 'GONE'>;
  /** Through the emulated network, past IAP: what a cell needs. */
  gateway(id: string): Promise<Gateway>;
}

export interface Backend {
  emulator: Emulator;
  stateDir: string;
  /** The first user. */
  you: Tooling;
  /** Somebody else, known to Google. */
  another(email: string): Promise<Tooling>;
  /** Any caller, by an ID token. */
  as(idToken: string): Tooling;
  /** Google's APIs with the first user's token. */
  google: GoogleWorld;
  /** All that the API has answered to anybody here, the newest last. */
  answers: ApiAnswer[];
  /** The emulator's own API. */
  control(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  log: string[];
}

const START_SECONDS = 90;
const END_SECONDS = 90;
const SETTLE_SECONDS = 90;

/** Reports and looks come every second or so, operations take no time, the reaper runs when told. */
export async function startBackend(
  t: Pick<TestContext, 'after'>,
  options: Partial<EmulatorOptions> = {},
  environment: Record<string, string> = {},
): Promise<Backend> {
  let started: Emulator | undefined = undefined;
  // Before the folder goes: hooks run in the order in which they were asked for.
  t.after(async () => {
    if (started) await inTime('the emulator to end', started.end(), END_SECONDS);
  });
  const stateDir = options.stateDir ?? temporaryFolder(t);
  const log: string[] = [];
  const starting = runEmulator({
    stateDir,
    project: PROJECT,
    zone: ZONE,
    searchPath: process.env['PATH'] ?? '',
    staysWithoutClients: true,
    durations: NO_DURATIONS,
    log: (line) => log.push(line),
    ...options,
    functions: {
      environment: {
        OBSERVE_INTERVAL_SECONDS: '0.3',
        REPORT_INTERVAL_SECONDS: '1',
        ...compiledCode(),
        ...environment,
      },
    },
  });
  starting.then(
    (emulator) => (started = emulator),
    () => undefined,
  );
  const emulator = await inTime('the emulator to start', starting, START_SECONDS);
  const { urls, credentials } = emulator.ready;
  const control: Backend['control'] = async (method, at, body) => {
    const { status, body: answer } = await request(method, `${urls.control}${at}`, body);
    if (status >= 300) throw new Error(`${method} /control${at}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const answers: ApiAnswer[] = [];
  const as = (idToken: string) => toolingOf(urls.api, idToken, answers);
  const signedIn = await signIn(credentials);
  return {
    emulator,
    stateDir,
    you: as(signedIn.id_token),
    another: async (email) => {
      await control('POST', '/users', { email });
      const file = path.join(stateDir, `credentials-${encodeURIComponent(email)}.json`);
      return as((await signIn(file)).id_token);
    },
    as,
    google: googleWorldOf(urls.oidc, signedIn.access_token),
    answers,
    control,
    log,
  };
}

function toolingOf(apiUrl: string, idToken: string, answers: ApiAnswer[]): Tooling {
  const call: Tooling['call'] = async (method, at, { body, headers = {} } = {}) => {
    const { status, text } = await fetchInTime(apiUrl + at, {
      method,
      headers: {
        authorization: `Bearer ${idToken}`,
        'x-serverless-authorization': `Bearer ${idToken}`,
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    answers.push({ call: `${method} ${at}`, status, text });
    return { status, body: JSON.parse(text) };
  };
  const ok: Tooling['ok'] = async (method, at, options) => {
    const { status, body } = await call(method, at, options);
    if (status !== 200) throw new Error(`${method} ${at}: ${JSON.stringify(body)}`);
    return body;
  };
  const get: Tooling['get'] = async (id) => session.parse(await ok('GET', `/v1/sessions/${id}`));
  return {
    call,
    ok,
    get,
    refused: async (method, at, options) => {
      const { status, body } = await call(method, at, options);
      if (status === 200) throw new Error(`${method} ${at} was not refused`);
      return errorBody.parse(body).error;
    },
    create: async (wanted = {}) =>
      session.parse(await ok('POST', '/v1/sessions', { body: wanted })),
    settle: async (id, ...states) => {
      const end = Date.now() + SETTLE_SECONDS * 1000;
      let revision = 0;
      for (;;) {
        const query = `afterRevision=${revision}&waitSeconds=5`;
        const answer = await call('GET', `/v1/sessions/${id}?${query}`);
        if (answer.status === 404 && states.includes('GONE')) return 'GONE';
        if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
        const view = session.parse(answer.body);
        if (states.includes(view.state)) return view;
        if (Date.now() > end) throw new Error(`not ${states.join()} but ${JSON.stringify(view)}`);
        revision = view.revision;
      }
    },
    gateway: async (id) => {
      const { accessToken, tunnel } = connectResponse.parse(
        await ok('POST', `/v1/sessions/${id}:connect`),
      );
      const { instance } = await get(id);
      return { url: `http://${instance?.internalIp ?? ''}:${tunnel.port}`, token: accessToken };
    },
  };
}
