// An instance as far as the startup script sees it, with the engine as its docker: vm-startup.sh runs on this machine, with its
// own address and metadata server, and programs that touch nothing in the place of those that would.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { startApiServer, type ApiServer } from '../agent/api-server.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { engineHost, type Docker } from './engine.ts';

const SCRIPT = path.join(import.meta.dirname, '../../docker/gateway/vm-startup.sh');
const ATTRIBUTES = '/computeMetadata/v1/instance/attributes/';

export interface Machine {
  name: string;
  address: string;
  api: ApiServer;
  /** On the machine's disk. */
  stateDir: string;
  /** What the script has printed. */
  log(): string;
}

/** It ends with the test, its containers too. */
export async function bootMachine(
  t: TestContext,
  docker: Docker,
  images: { gateway: string; agent: string },
): Promise<Machine> {
  const name = `datalab-test-${process.pid}`;
  // The agent listens on a port that is the same for all; files of tests run side by side.
  const address = `127.91.${(process.pid >> 8) & 255}.${(process.pid & 127) + 1}`;
  const api = await startApiServer();
  api.reportIntervalSeconds = 1;
  const metadata = await startMetadata(t, api, {
    'instance/name': name,
    'instance/network-interfaces/0/ip': address,
    'instance/attributes/datalab-gateway-address': address,
    'instance/attributes/datalab-gateway-image': images.gateway,
    'instance/attributes/datalab-agent-image': images.agent,
    'instance/attributes/datalab-session': 's1',
    'instance/attributes/datalab-api-url': api.url,
  });
  const folder = temporaryFolder(t);
  const log = path.join(folder, 'log');
  // Where the umask is strict, the gateway's user still reads what is its own.
  const child = spawn('bash', ['-c', 'umask 077; exec bash "$0" >"$1" 2>&1', SCRIPT, log], {
    env: {
      PATH: `${standIns(folder)}:${process.env['PATH'] ?? ''}`,
      DOCKER_HOST: engineHost(),
      DATALAB_STATE_DIR: path.join(folder, 'state'),
      GCE_METADATA_HOST: metadata,
    },
    detached: true,
    stdio: 'ignore',
  });
  t.after(async () => {
    // The loop that would start the agent again goes first.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await docker('rm', '--force', '--volumes', `${name}-agent`, `${name}-gateway`).catch(() => '');
    await api.close();
  });
  const stateDir = path.join(folder, 'state');
  return { name, address, api, stateDir, log: () => readFileSync(log, 'utf8') };
}

/** What the image of the system has, and what this machine is not to feel. */
function standIns(folder: string): string {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  for (const program of ['iptables', 'shutdown', 'docker-credential-gcr']) {
    writeFileSync(path.join(bin, program), '#!/bin/sh\nexit 0\n');
    chmodSync(path.join(bin, program), 0o755);
  }
  return bin;
}

/** HOST:PORT. Identity tokens are the API's, which judges them. */
async function startMetadata(
  t: TestContext,
  api: ApiServer,
  values: Readonly<Record<string, string>>,
): Promise<string> {
  const answer = async (url: string) => {
    const value = values[url.replace('/computeMetadata/v1/', '')];
    if (value !== undefined) return value;
    if (url === ATTRIBUTES) {
      const names = Object.keys(values).filter((key) => key.startsWith('instance/attributes/'));
      return names.map((key) => `${path.basename(key)}\n`).join('');
    }
    const headers = { 'metadata-flavor': 'Google' };
    return await (await fetch(`http://${api.metadataHost}${url}`, { headers })).text();
  };
  const server = createServer(({ url = '' }, response) => {
    void answer(url).then((text) => response.end(text));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
