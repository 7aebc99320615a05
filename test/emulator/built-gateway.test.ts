// A gateway image that Cloud Build has made runs on an instance of the process runtime as the seeded one does.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { digestsOf, GATEWAY, gatewayBuild, runBuild } from './build-fixture.ts';
import { startCloud } from './cloud-fixture.ts';

const DOCKER = path.resolve(import.meta.dirname, '../../emulator/runtime/docker.ts');
const LOGS = ['--log-opt', 'max-size=10m', '--log-opt', 'max-file=3'];
const CONFIG = {
  ServerApp: { token: 'secret', password: '', open_browser: false, allow_root: true },
  IdentityProvider: { token: 'secret' },
};

describe('a built gateway image', () => {
  it('is pulled by its digest and serves Jupyter’s API', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const cloud = await startCloud(t, { seedGateway: false });
    const [digest = ''] = digestsOf(await runBuild(cloud, gatewayBuild()));
    const folder = temporaryFolder(t);
    const docker = (...args: string[]) =>
      promisify(execFile)(process.execPath, [DOCKER, ...args], {
        env: {
          PATH: process.env['PATH'],
          GCE_METADATA_HOST: new URL(cloud.emulator.ready.urls.oidc).host,
          DATALAB_EMULATOR_REGISTRY: cloud.emulator.ready.urls.registry,
          DATALAB_EMULATOR_DOCKER_FOLDER: path.join(folder, 'docker'),
          DATALAB_EMULATOR_BOOT_ID: 'boot',
        },
      });
    const image = `${GATEWAY}@${digest}`;
    await docker('pull', '--quiet', image);
    mkdirSync(path.join(folder, 'work'));
    const config = path.join(folder, 'jupyter_server_config.json');
    writeFileSync(config, JSON.stringify(CONFIG));
    await docker(
      ...['run', '--detach', '--name', 'one-gateway', '--restart=always', ...LOGS],
      ...['--publish', '127.0.9.1:8889:8888'],
      ...['--volume', `${config}:/etc/jupyter/jupyter_server_config.json:ro`],
      ...['--volume', `${path.join(folder, 'work')}:/work`, '--workdir', '/work', image],
    );
    try {
      const kernels = await until('the gateway answers', askForKernels);
      assert.match(kernels, /"python3"/);
    } finally {
      await docker('rm', '--force', 'one-gateway');
    }
  });
});

async function askForKernels(): Promise<string | undefined> {
  const headers = { authorization: 'token secret' };
  try {
    const reply = await fetch('http://127.0.9.1:8889/api/kernelspecs', { headers });
    return reply.ok ? await reply.text() : undefined;
  } catch {
    return undefined; // It does not listen yet.
  }
}
