// The emulator, running while commands are measured against it, and what they need to take it for a cloud.
import { accessSync } from 'node:fs';
import { z } from 'zod';
import type { ReadyEvent } from '../emulator/attachment.ts';
import { FIRST_USER, signIn } from '../test/emulator/cloud-fixture.ts';
import type { Place } from './place.ts';
import { Program } from './program.ts';

export interface Cloud extends AsyncDisposable {
  /** For the client: everything that a real project would be named by. */
  env: NodeJS.ProcessEnv;
  /** For gcloud. */
  gcloudEnv: NodeJS.ProcessEnv;
  urls: ReadyEvent['urls'];
  idToken: string;
  /** When Compute Engine was told to start an instance the last time. */
  lastStart(): Promise<number>;
  /** Lets the first user tunnel to that port of an instance, too. */
  allowTunnel(instance: string, zone: string, port: number): Promise<void>;
}

const START_SECONDS = 60;
const operations = z.object({
  items: z.array(z.object({ operationType: z.string(), insertTime: z.string() })),
});
const policy = z.looseObject({ bindings: z.array(z.unknown()).default([]) });

export async function startCloud(
  place: Place,
  stateDir: string,
  signal: AbortSignal,
): Promise<Cloud> {
  const env = { ...process.env, DATALAB_STATE_DIR: stateDir };
  const options = { env, signal, limitSeconds: START_SECONDS };
  const emulator = new Program([place.client, 'emulator', '--json'], options);
  const [line] = await emulator.untilSays(/^\{"event":"ready".*\}$/m);
  const { urls, credentials, project, zone } = JSON.parse(line) as ReadyEvent;
  emulator.hasAllTime();
  const tokens = await signIn(credentials);
  const compute = new URL(urls.compute).origin;
  return {
    urls,
    idToken: tokens.id_token,
    env: {
      ...env,
      PROJECT_ID: project,
      ZONE: zone,
      DATALAB_API_URL: urls.api,
      DATALAB_IAP_URL: urls.iap,
      DATALAB_COMPUTE_URL: compute,
      GOOGLE_APPLICATION_CREDENTIALS: credentials,
    },
    gcloudEnv: {
      ...process.env,
      CLOUDSDK_CONFIG: `${stateDir}/gcloud`,
      CLOUDSDK_CORE_PROJECT: project,
      CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
      CLOUDSDK_AUTH_ACCESS_TOKEN: tokens.access_token,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: `${urls.compute}/`,
    },
    lastStart: async () => {
      const url = `${urls.compute}/projects/${project}/zones/${zone}/operations`;
      const headers = { authorization: `Bearer ${tokens.access_token}` };
      const { items } = operations.parse(await (await fetch(url, { headers })).json());
      const starts = items.filter(({ operationType }) => operationType === 'start');
      return Math.max(...starts.map(({ insertTime }) => Date.parse(insertTime)));
    },
    allowTunnel: (instance, zone, port) => {
      const path = `projects/${project}/iap_tunnel/zones/${zone}/instances/${instance}`;
      return allowTunnel(`${urls.oidc}/v1/${path}`, tokens.access_token, port);
    },
    [Symbol.asyncDispose]: () => emulator.end('SIGINT'),
  };
}

async function allowTunnel(resource: string, token: string, port: number): Promise<void> {
  const call = async (verb: string, body: object): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const request = { method: 'POST', headers, body: JSON.stringify(body) };
    const reply = await fetch(`${resource}:${verb}`, request);
    if (!reply.ok) throw new Error(`${verb} was answered ${reply.status}: ${await reply.text()}`);
    return await reply.json();
  };
  const present = policy.parse(
    await call('getIamPolicy', { options: { requestedPolicyVersion: 3 } }),
  );
  const binding = {
    role: 'roles/iap.tunnelResourceAccessor',
    members: [`user:${FIRST_USER}`],
    condition: { title: `port ${port}`, expression: `destination.port == ${port}` },
  };
  const bindings = [...present.bindings, binding];
  await call('setIamPolicy', { policy: { ...present, version: 3, bindings } });
}

/** Whether this machine has the Google Cloud CLI. */
export function hasGcloud(): boolean {
  try {
    accessSync('/usr/bin/gcloud');
    return true;
  } catch {
    return false;
  }
}
