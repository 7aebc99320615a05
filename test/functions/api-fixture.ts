// The API through its front door, for the tests of one file: the real Functions Framework in a process of its own,
// Google's own client libraries, and a small Google on loopback.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before } from 'node:test';
import {
  errorBody,
  listSessionsResponse,
  session,
  type CreateSessionRequest,
  type SessionView,
} from '../../functions/contract.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { FakeGoogle } from './fake-google.ts';
import {
  startFramework,
  type FrameworkProcess,
  type FunctionTarget,
  type ProcessOptions,
} from './framework-process.ts';

export interface Call {
  /** Default: that of you@example.com. */
  token?: string | undefined;
  body?: unknown;
  rawBody?: string | Buffer;
  headers?: Record<string, string>;
}

export interface Refusal {
  status: string;
  message: string;
  /** The request's fields at fault. */
  fields: string[];
}

export interface ServedApi {
  google: FakeGoogle;
  url: () => string;
  /** What the process has printed. */
  output: () => string;
  /** Another function of the same backend. */
  startBeside(target: FunctionTarget): Promise<FrameworkProcess>;
  /** Every answer is JSON. */
  call(method: string, path: string, options?: Call): Promise<{ status: number; body: unknown }>;
  ok(method: string, path: string, options?: Call): Promise<unknown>;
  /** An error body of AIP-193, and nothing in it that is none of the caller's business. */
  refused(method: string, path: string, options?: Call): Promise<Refusal>;
  create(
    name: string,
    token?: string,
    wanted?: Partial<CreateSessionRequest>,
  ): Promise<SessionView>;
  get(id: string, token?: string): Promise<SessionView>;
  list(query?: string, token?: string): Promise<ReturnType<typeof listSessionsResponse.parse>>;
  settle(id: string, state: string): Promise<SessionView>;
  /** Registers the instance's agent, which reports a gateway that answers. */
  makeReady(id: string): Promise<SessionView>;
  /** Deletes it, and waits until it is gone. */
  remove(id: string, token?: string): Promise<void>;
}

export const REPORT = { bootId: 'boot-1', wake: 0, sequence: 1, gatewayReady: true, kernels: [] };

/** Started before the tests of the file that calls this, ended after them. */
export function serveApi(options: Omit<ProcessOptions, 'google' | 'target'> = {}): ServedApi {
  const cleanups: (() => unknown)[] = [];
  const t = { after: (work: () => unknown) => void cleanups.unshift(work) };
  const google = new FakeGoogle();
  const store = path.join(temporaryFolder(t), 'sessions.sqlite');
  let listening: Promise<string> | undefined;
  const listen = () => (listening ??= google.listen());
  let process: FrameworkProcess;
  const start = async (target: FunctionTarget) => {
    const env = { SQLITE_FILE: store, ...options.env };
    return await startFramework(t, { ...options, target, google: await listen(), env });
  };
  before(async () => {
    process = await start('api');
  });
  after(async () => {
    for (const cleanup of cleanups) await cleanup();
    google.close();
  });
  const call: ServedApi['call'] = async (method, path, sent = {}) => {
    const { token = google.userToken(), body, rawBody, headers = {} } = sent;
    const content = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
    const reply = await fetch(process.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(content === undefined ? {} : { body: content }),
    });
    assert.match(reply.headers.get('content-type') ?? '', /^application\/json/);
    return { status: reply.status, body: await reply.json() };
  };
  const rest = { url: () => process.url, output: () => process.output(), startBeside: start };
  return { google, ...rest, ...callsOf(google, call) };
}

function callsOf(
  google: FakeGoogle,
  call: ServedApi['call'],
): Omit<ServedApi, 'google' | 'url' | 'output' | 'startBeside'> {
  const ok: ServedApi['ok'] = async (method, path, sent) => {
    const { status, body } = await call(method, path, sent);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  const get: ServedApi['get'] = async (id, token) =>
    session.parse(await ok('GET', `/v1/sessions/${id}`, { token }));
  const settle: ServedApi['settle'] = async (id, state) => {
    let view = await get(id);
    for (let poll = 0; view.state !== state; poll += 1) {
      assert.ok(poll < 40, `still ${JSON.stringify(view)}`);
      const query = `afterRevision=${view.revision}&waitSeconds=5`;
      view = session.parse(await ok('GET', `/v1/sessions/${id}?${query}`));
    }
    return view;
  };
  return {
    call,
    ok,
    refused: async (method, path, sent) => refusalOf(await call(method, path, sent)),
    create: async (name, token, wanted = {}) =>
      session.parse(await ok('POST', '/v1/sessions', { token, body: { name, ...wanted } })),
    get,
    list: async (query = '', token) =>
      listSessionsResponse.parse(await ok('GET', `/v1/sessions${query}`, { token })),
    settle,
    makeReady: async (id) => {
      await settle(id, 'BOOTING');
      const token = google.instanceToken(claimsOf(google, id));
      const body = { agentVersion: '1', bootId: REPORT.bootId };
      await ok('POST', `/v1/sessions/${id}:register`, { token, body });
      await ok('POST', `/v1/sessions/${id}:report`, { token, body: REPORT });
      return await settle(id, 'READY');
    },
    remove: async (id, token) => {
      await ok('DELETE', `/v1/sessions/${id}`, { token });
      await until('the session is gone', async () => {
        const query = 'afterRevision=1000000&waitSeconds=1';
        return (await call('GET', `/v1/sessions/${id}?${query}`, { token })).status === 404;
      });
    },
  };
}

function claimsOf(google: FakeGoogle, sessionId: string): Record<string, string> {
  const all = [...google.compute.instances.values()];
  const instance = all.find(({ labels }) => labels['datalab-session'] === sessionId);
  assert.ok(instance);
  return { zone: instance.zone, instance_id: instance.id, instance_name: instance.name };
}

function refusalOf({ status, body }: { status: number; body: unknown }): Refusal {
  const { error } = errorBody.parse(body);
  assert.equal(error.code, status);
  assert.doesNotMatch(error.message, /\n {4}at |\.ts:\d+/);
  const [details] = error.details ?? [];
  const violations = (details?.['fieldViolations'] ?? []) as { field: string }[];
  const fields = violations.map(({ field }) => field);
  return { status: error.status, message: error.message, fields };
}
