// Three ways to the kernels of one emulated instance: straight to its gateway, through what the client makes (relay, tunnel,
// IAP, agent), and through gcloud's tunnel and the same IAP to the gateway. Both tunnels are TLS, as they are with Google.
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { connect } from 'node:tls';
import { z } from 'zod';
import { findMarked } from '../test/helpers/jupyter-gateway.ts';
import type { Gateway } from '../test/helpers/jupyter-front-end.ts';
import type { Cloud } from './cloud.ts';
import type { Place } from './place.ts';
import { Program } from './program.ts';

/** A client that serves a session, and what it reaches. */
export interface Served extends AsyncDisposable {
  relay: Gateway;
  relayProcessId: number;
  agentProcessId: number;
  /** Without relay, tunnel and agent. */
  gateway: Gateway;
  instance: string;
  zone: string;
}

export interface ServeOptions {
  place: Place;
  cloud: Cloud;
  folder: string;
  signal: AbortSignal;
  /** Where the client finds IAP; default: where the emulator has it. */
  iapPort?: number;
}

const LIMIT_SECONDS = 90;
const GATEWAY_PORT = 8889;
const AGENT = /\/agent\/bin\.[jt]s$/;
const readyEvent = z.object({
  session: z.object({
    instance: z.object({ name: z.string(), zone: z.string(), internalIp: z.string() }),
  }),
  gateway: z.object({ url: z.string(), token: z.string() }),
});

export async function serve(options: ServeOptions): Promise<Served> {
  const { place, cloud, folder, signal } = options;
  const content = path.join(folder, 'content');
  await mkdir(content, { recursive: true });
  const { port } = new URL(cloud.urls.iap);
  const env = {
    ...cloud.env,
    DATALAB_IAP_URL: `wss://127.0.0.1:${options.iapPort ?? port}/v4`,
    NODE_EXTRA_CA_CERTS: await saveCertificate(folder, Number(port)),
  };
  const args = [place.client, 'start', '--ui', 'none', '--json', content];
  const client = new Program(args, { env, signal, limitSeconds: LIMIT_SECONDS });
  try {
    const [line] = await client.untilSays(/^\{"event":"ready".*\}$/m);
    client.hasAllTime();
    const { session, gateway: relay } = readyEvent.parse(JSON.parse(line));
    const { name: instance, zone, internalIp } = session.instance;
    return {
      ...{ relay, relayProcessId: client.processId, instance, zone },
      ...(await agentAt(internalIp)),
      [Symbol.asyncDispose]: () => client.end('SIGINT'),
    };
  } catch (error) {
    await client.end('SIGINT');
    throw error;
  }
}

/** gcloud's tunnel to the gateway of the instance that `served` is about. */
export async function openGcloudTunnel(
  { instance, zone, gateway }: Served,
  cloud: Cloud,
  signal: AbortSignal,
): Promise<AsyncDisposable & { gateway: Gateway }> {
  await cloud.allowTunnel(instance, zone, GATEWAY_PORT);
  const args = [
    ...['compute', 'start-iap-tunnel', instance, String(GATEWAY_PORT), `--zone=${zone}`],
    ...['--local-host-port=127.0.0.1:0', '--iap-tunnel-insecure-disable-websocket-cert-check'],
    `--iap-tunnel-url-override=${cloud.urls.iap.replace('ws:', 'wss:')}`,
  ];
  const env = { ...cloud.gcloudEnv, PYTHONUNBUFFERED: '1' };
  const command = 'gcloud';
  const gcloud = new Program(args, { env, signal, limitSeconds: LIMIT_SECONDS, command });
  try {
    const [, port = ''] = await gcloud.untilSays(/Listening on port \[(\d+)\]/);
    gcloud.hasAllTime();
    return {
      gateway: { ...gateway, url: `http://127.0.0.1:${port}` },
      [Symbol.asyncDispose]: () => gcloud.end('SIGTERM'),
    };
  } catch (error) {
    await gcloud.end('SIGTERM');
    throw error;
  }
}

/** What the startup script has told the agent of the gateway. */
async function agentAt(address: string): Promise<{ agentProcessId: number; gateway: Gateway }> {
  const candidates = await findMarked(`AGENT_ADDRESS=${address}`);
  const agentProcessId = candidates.find((id) =>
    readFileSync(`/proc/${id}/cmdline`, 'utf8')
      .split('\0')
      .some((word) => AGENT.test(word)),
  );
  if (agentProcessId === undefined) throw new Error(`no agent runs on ${address}`);
  const environment = new Map(
    readFileSync(`/proc/${agentProcessId}/environ`, 'utf8')
      .split('\0')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const token = readFileSync(environment.get('GATEWAY_TOKEN_FILE') ?? '', 'utf8').trim();
  return {
    agentProcessId,
    gateway: { url: environment.get('GATEWAY_URL') ?? '', token, scheme: 'token' },
  };
}

/** The emulator's, which has signed it itself, for a client that believes nobody else. */
async function saveCertificate(folder: string, port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  const raw = await new Promise<Buffer>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().raw);
    });
  });
  socket.destroy();
  const lines = raw.toString('base64').match(/.{1,64}/g) ?? [];
  const file = path.join(folder, 'emulator.pem');
  writeFileSync(
    file,
    ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
  );
  return file;
}
