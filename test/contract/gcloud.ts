// Google's own command line, pointed at an emulator: what judges whether our answers are Google's.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { PROJECT, type Cloud, type Fields } from '../emulator/cloud-fixture.ts';

export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

export interface Gcloud {
  run(...args: string[]): Promise<Outcome>;
  /** The same for another group; `env` in place of what a call has otherwise. */
  command(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
  /** With `--format=json`. @throws Error with what gcloud said when it fails. */
  json(...args: string[]): Promise<Fields[]>;
  /** `start-iap-tunnel`; the local port. Ends with the test. */
  tunnel(t: TestContext, instance: string, port: number, zone: string): Promise<number>;
}

/** @param group the commands that are meant */
export function gcloudOf(
  t: Pick<TestContext, 'after'>,
  cloud: Cloud,
  group: 'compute' | 'builds' | 'pubsub' | 'logging' = 'compute',
): Gcloud {
  const folder = temporaryFolder(t);
  const tokenFile = path.join(folder, 'token');
  writeFileSync(tokenFile, cloud.token, { mode: 0o600 });
  // The other APIs have their paths themselves.
  const other = `${new URL(cloud.emulator.ready.urls.compute).origin}/`;
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    CLOUDSDK_CONFIG: path.join(folder, 'config'),
    CLOUDSDK_CORE_PROJECT: PROJECT,
    CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
    // What it prints while it runs would otherwise wait for its end.
    PYTHONUNBUFFERED: '1',
    CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: tokenFile,
    CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: `${cloud.emulator.ready.urls.compute}/`,
    CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDSCHEDULER: other,
    CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDBUILD: other,
    CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING: other,
    CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB: other,
  };
  const start = (args: readonly string[], change: NodeJS.ProcessEnv = {}) =>
    spawn('gcloud', args, { env: { ...env, ...change }, stdio: ['ignore', 'pipe', 'pipe'] });
  const command: Gcloud['command'] = (args, change) => collect(start(args, change));
  const run = (...args: string[]) => collect(start([group, ...args]));
  return {
    run,
    command,
    json: async (...args) => {
      const { status, stdout, stderr } = await run(...args, '--format=json');
      if (status !== 0) throw new Error(`gcloud ${group} ${args.join(' ')}: ${stderr}`);
      const answer = JSON.parse(stdout) as Fields | Fields[];
      return Array.isArray(answer) ? answer : [answer];
    },
    tunnel: (test, instance, port, zone) => {
      // gcloud tunnels over TLS only: with ws:// it fails on a method that plain sockets do not have.
      const relay = cloud.emulator.ready.urls.iap.replace('ws:', 'wss:');
      return openTunnel(
        test,
        start([
          'compute',
          'start-iap-tunnel',
          instance,
          String(port),
          `--zone=${zone}`,
          '--local-host-port=127.0.0.1:0',
          `--iap-tunnel-url-override=${relay}`,
          '--iap-tunnel-insecure-disable-websocket-cert-check',
        ]),
      );
    },
  };
}

async function collect(child: ChildProcess): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status: status ?? -1, stdout, stderr };
}

async function openTunnel(t: TestContext, child: ChildProcess): Promise<number> {
  const closed = collect(child);
  t.after(async () => {
    child.kill();
    await closed;
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const port = await until('gcloud listens', () => {
    if (child.exitCode !== null) throw new Error(output);
    return /Listening on port \[(\d+)\]/.exec(output)?.[1];
  });
  return Number(port);
}
