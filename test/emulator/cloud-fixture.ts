// An emulator for tests: on a state folder of its own, without waiting times, ended afterwards.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Agent, type Headers } from 'undici';
import { runEmulator, type Emulator } from '../../emulator/main.ts';
import { NO_DURATIONS, type EmulatorOptions } from '../../emulator/options.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { fetchInTime } from '../helpers/in-time.ts';
import { until } from '../helpers/until.ts';
import { createEchoRuntime, ECHO_PORT, type EchoRuntime } from './echo-runtime.ts';

export const PROJECT = 'a-project';
export const FIRST_USER = 'you@example.com';
export const ZONE = 'us-central1-a';

/** A connection per call: one that is kept would be that of an emulator which has been ended since. */
const dispatcher = new Agent({ pipelining: 0 });

export type Fields = Record<string, unknown>;

export interface Answer {
  status: number;
  headers: Headers;
  body: Fields;
}

export interface Cloud {
  emulator: Emulator;
  runtime: EchoRuntime;
  stateDir: string;
  log: string[];
  /** Access token of the first user. */
  token: string;
  /** Calls a URL, or a path below /compute/v1/projects/a-project, as the first user. */
  call(method: string, path: string, body?: unknown, token?: string): Promise<Answer>;
  /** Makes a change and waits for its operation. */
  operate(method: string, path: string, body?: unknown): Promise<Fields>;
  instance(name: string): Promise<Fields>;
  /** Calls the control API; `path` as in `/faults`. @throws Error with what it answered when it refuses */
  control(method: string, path: string, body?: unknown): Promise<Fields>;
  /** Calls a method of the instance's IAM policy at IAP. */
  policy(name: string, verb: string, body?: unknown, token?: string): Promise<Answer>;
  /** Lets the first user, or another, tunnel to that port. */
  allowTunnel(name: string, port: number, member?: string): Promise<void>;
}

export async function startCloud(
  t: Pick<TestContext, 'after'>,
  options: Partial<EmulatorOptions> = {},
): Promise<Cloud> {
  const runtime = createEchoRuntime();
  const log: string[] = [];
  const stateDir = options.stateDir ?? temporaryFolder(t);
  const emulator = await runEmulator({
    stateDir,
    project: PROJECT,
    zone: ZONE,
    searchPath: process.env['PATH'] ?? '',
    functions: false,
    staysWithoutClients: true,
    durations: NO_DURATIONS,
    runtime,
    log: (line) => log.push(line),
    ...options,
  });
  t.after(() => emulator.end());
  return cloudOf(emulator, runtime, stateDir, log);
}

async function cloudOf(
  emulator: Emulator,
  runtime: EchoRuntime,
  stateDir: string,
  log: string[],
): Promise<Cloud> {
  const { access_token: token } = await signIn(emulator.ready.credentials);
  const base = `${emulator.ready.urls.compute}/projects/${PROJECT}`;
  const call: Cloud['call'] = async (method, path, body, as = token) =>
    request(method, path.startsWith('http') ? path : `${base}${path}`, body, as);
  const policy: Cloud['policy'] = (name, verb, body = {}, as = token) => {
    const path = `v1/projects/${PROJECT}/iap_tunnel/zones/${ZONE}/instances/${name}:${verb}`;
    return request('POST', `${emulator.ready.urls.oidc}/${path}`, body, as);
  };
  return {
    emulator,
    runtime,
    stateDir,
    log,
    token,
    call,
    operate: async (method, path, body) => {
      const { status, body: operation } = await call(method, path, body);
      if (status !== 200) throw new Error(`${status}: ${JSON.stringify(operation)}`);
      const self = `/zones/${ZONE}/operations/${String(operation['name'])}/wait`;
      return (await call('POST', self)).body;
    },
    control: async (method, path, body) => {
      const answer = await request(method, `${emulator.ready.urls.control}${path}`, body);
      if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    },
    policy,
    allowTunnel: async (name, port, member = `user:${FIRST_USER}`) => {
      const options = { requestedPolicyVersion: 3 };
      const { body: current } = await policy(name, 'getIamPolicy', { options });
      const binding = {
        role: 'roles/iap.tunnelResourceAccessor',
        members: [member],
        condition: { title: `port ${port}`, expression: `destination.port == ${port}` },
      };
      const bindings = [...((current['bindings'] ?? []) as Fields[]), binding];
      const next = { version: 3, etag: current['etag'], bindings };
      const { status, body } = await policy(name, 'setIamPolicy', { policy: next });
      if (status !== 200) throw new Error(JSON.stringify(body));
    },
    instance: async (name) => (await call('GET', `/zones/${ZONE}/instances/${name}`)).body,
  };
}

export async function request(
  method: string,
  url: string,
  body?: unknown,
  token?: string,
): Promise<Answer> {
  const reply = await fetchInTime(url, {
    dispatcher,
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const isJson = (reply.headers.get('content-type') ?? '').includes('json');
  return {
    status: reply.status,
    headers: reply.headers,
    body: (isJson ? JSON.parse(reply.text) : { text: reply.text }) as Fields,
  };
}

export interface SignedIn {
  access_token: string;
  id_token: string;
}

/** What the client does with a credential file. */
export async function signIn(credentials: string): Promise<SignedIn> {
  const file = JSON.parse(readFileSync(credentials, 'utf8')) as Record<string, string>;
  const { status, text } = await fetchInTime(file['token_uri'] ?? '', {
    dispatcher,
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: file['client_id'] ?? '',
      client_secret: file['client_secret'] ?? '',
      refresh_token: file['refresh_token'] ?? '',
    }),
  });
  if (status !== 200) throw new Error(`sign-in failed: ${status} ${text}`);
  return JSON.parse(text) as SignedIn;
}

/** A request that Google accepts; changed by `overrides`. */
export function instanceRequest(name: string, overrides: Fields = {}): Fields {
  return {
    name,
    machineType: `zones/${ZONE}/machineTypes/e2-standard-4`,
    labels: { 'datalab-session': name },
    metadata: { items: [{ key: 'startup-script', value: '#!/bin/bash\n' }] },
    disks: [
      {
        boot: true,
        autoDelete: true,
        initializeParams: {
          sourceImage: 'projects/cos-cloud/global/images/family/cos-stable',
          diskSizeGb: '50',
        },
      },
    ],
    networkInterfaces: [{ network: 'global/networks/default' }],
    serviceAccounts: [
      {
        email: `datalab-kernels@${PROJECT}.iam.gserviceaccount.com`,
        scopes: ['https://www.googleapis.com/auth/cloud-platform'],
      },
    ],
    tags: { items: ['datalab'] },
    ...overrides,
  };
}

export async function insert(cloud: Cloud, name: string, overrides: Fields = {}): Promise<Fields> {
  const request = instanceRequest(name, overrides);
  const operation = await cloud.operate('POST', `/zones/${ZONE}/instances`, request);
  if (operation['error'] !== undefined) throw new Error(JSON.stringify(operation['error']));
  return cloud.instance(name);
}

export function addressOf(instance: Fields): string {
  const [first] = instance['networkInterfaces'] as { networkIP: string }[];
  return first?.networkIP ?? '';
}

export function untilStatus(cloud: Cloud, name: string, status: string): Promise<Fields> {
  return until(`instance ${name} is ${status}`, async () => {
    const instance = await cloud.instance(name);
    return instance['status'] === status ? instance : undefined;
  });
}

/** Says something to the instance's program (see echo-runtime.ts). */
export async function tell(instance: Fields, word: string): Promise<void> {
  const socket = await until('the instance listens', () => dial(addressOf(instance)));
  socket.end(word);
}

function dial(address: string): Promise<Socket | undefined> {
  const socket = connect(ECHO_PORT, address);
  return new Promise((resolve) => {
    socket.once('connect', () => {
      resolve(socket);
    });
    socket.on('error', () => {
      resolve(undefined);
    });
  });
}
