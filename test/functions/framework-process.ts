// A function as it is deployed, the api by default: a process of the real Functions Framework, on loopback.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { Policy } from '../../functions/policy.ts';
import { compiledCode } from '../helpers/compiled-code.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { API_AUDIENCE, PROJECT } from './fake-google.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** The Functions Framework's program. */
export const FRAMEWORK = path.join(
  ROOT,
  'node_modules/@google-cloud/functions-framework/build/src/main.js',
);

export interface FrameworkProcess {
  url: string;
  child: ChildProcess;
  output: () => string;
}

export type FunctionTarget = 'api' | 'onBuildFinished' | 'reapIdle';

export interface ProcessOptions {
  /** Default: the api function. */
  target?: FunctionTarget;
  /** `host:port` of the fake Google. */
  google?: string;
  env?: Readonly<Record<string, string>>;
  /** The administrator's policy, beyond who is administrator. */
  policy?: Readonly<Partial<Policy>>;
  nodeArguments?: readonly string[];
  /** Default: the sources. */
  source?: string;
}

/** Started, and answering; gone after the test. */
export async function startFramework(
  t: Pick<TestContext, 'after'>,
  options: ProcessOptions = {},
): Promise<FrameworkProcess> {
  const { target = 'api', google, env = {}, policy = {}, nodeArguments = [] } = options;
  const { source = 'functions/index.ts' } = options;
  const folder = temporaryFolder(t);
  const port = await freePort();
  const type = target === 'onBuildFinished' ? 'cloudevent' : 'http';
  const which = [`--target=${target}`, `--signature-type=${type}`];
  const args = [FRAMEWORK, `--source=${source}`, ...which, `--port=${port}`];
  const child = spawn(process.execPath, [...nodeArguments, ...args], {
    cwd: ROOT,
    env: { ...apiEnvironment(folder, google, policy), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const collect = (chunk: Buffer) => (output += chunk.toString());
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  t.after(() => end(child));
  const url = `http://127.0.0.1:${port}`;
  await until('the framework answers', async () => {
    if (child.exitCode !== null) throw new Error(`the framework ended:\n${output}`);
    return await fetch(`${url}/health`).then(
      () => true,
      () => false,
    );
  });
  return { url, child, output: () => output };
}

/** Settings of a function whose files are in `folder` and whose Google is at `google` (by default nowhere). */
export function apiEnvironment(
  folder: string,
  google = '127.0.0.1:1',
  policy: Readonly<Partial<Policy>> = {},
): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: folder,
    ...compiledCode(),
    PROJECT_ID: PROJECT,
    ZONE: 'europe-west1-b',
    API_URL: API_AUDIENCE,
    SQLITE_FILE: path.join(folder, 'sessions.sqlite'),
    SESSION_TOKEN_KEYS: JSON.stringify({ 1: Buffer.alloc(32, 1).toString('base64url') }),
    COMPUTE_API_URL: `http://${google}`,
    REGISTRY_URL: `http://${google}`,
    ID_TOKEN_CERTS_URL: `http://${google}/certs`,
    IAP_API_URL: `http://${google}`,
    CLOUD_BUILD_API_URL: `http://${google}`,
    LOGGING_API_URL: `http://${google}`,
    POLICY_FILE: policyFile(folder, policy),
    GCE_METADATA_HOST: google,
    METADATA_SERVER_DETECTION: 'assume-present',
    OBSERVE_INTERVAL_SECONDS: '0.2',
    LISTEN_ADDRESS: '127.0.0.1',
  };
}

/** With the administrator of the tests. */
function policyFile(folder: string, policy: Readonly<Partial<Policy>>): string {
  const file = path.join(folder, 'policy.json');
  writeFileSync(file, JSON.stringify({ administrators: ['admin@example.com'], ...policy }));
  return file;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
