// A container of the gateway image as vm-startup.sh starts it: its configuration and a folder for work of the host's root
// are mounted.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Gateway } from '../helpers/jupyter-front-end.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { imageOf, runContainer, untilHealthy, type Docker } from './engine.ts';

export const SOURCES = fileURLToPath(new URL('../../docker/gateway', import.meta.url));
export const BASE = 'debian:trixie-slim';
export const TOKEN = 'the-gateways-own-token';
const CONFIG = {
  ServerApp: {
    ...{
      ip: '0.0.0.0',
      port: 8888,
      port_retries: 0,
      root_dir: '/work',
      token: TOKEN,
      password: '',
    },
    ...{ open_browser: false, allow_root: true, allow_remote_access: true },
  },
  IdentityProvider: { token: TOKEN },
};

export interface GatewayContainer extends Gateway {
  id: string;
  /** What the code prints, in a new kernel. */
  run(code: string): Promise<string>;
}

/** Without what comes from PyPI, which tests cannot reach. */
export async function gatewayImage(docker: Docker): Promise<string> {
  return await imageOf(docker, 'gateway', SOURCES, { base: BASE, args: ['--build-arg=PYPI=none'] });
}

/** As on an instance: whoever the image's user is, they may write there. */
export function workFolder(t: TestContext): string {
  const work = path.join(temporaryFolder(t), 'work');
  mkdirSync(work);
  chmodSync(work, 0o1777);
  return work;
}

/** Resolves when it is healthy. */
export async function startGateway(
  t: TestContext,
  docker: Docker,
  image: string,
  work: string,
): Promise<GatewayContainer> {
  const config = path.join(temporaryFolder(t), 'config.json');
  writeFileSync(config, JSON.stringify(CONFIG));
  const id = await runContainer(
    ...[t, docker, '--security-opt', 'no-new-privileges', '--publish', '127.0.0.1::8888'],
    ...['--volume', `${config}:/etc/jupyter/jupyter_server_config.json:ro`],
    ...['--volume', `${work}:/work`, '--workdir', '/work', '--health-interval', '1s', image],
  );
  await untilHealthy(docker, id);
  const address = (await docker('port', id, '8888/tcp')).trim();
  const gateway: Gateway = { url: `http://${address}`, token: TOKEN, scheme: 'token' };
  return {
    ...gateway,
    id,
    run: async (code) => await run(gateway, await newKernel(gateway), code),
  };
}
