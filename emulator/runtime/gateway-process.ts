// The gateway image in the process runtime: Debian's Jupyter server, in an environment as bare as a
// container's, with the files that vm-startup.sh mounts.
import path from 'node:path';
import { findProgram } from '../find-program.ts';
import { EMULATOR } from '../installed.ts';
import type { Endpoint, Mount } from './docker-arguments.ts';

const CONFIG_FILE = '/etc/jupyter/jupyter_server_config.json';
/** What an instance has for itself and this machine does not. */
const OWN_CONFIG = path.join(EMULATOR, 'runtime', 'jupyter');

export interface GatewayProcess {
  file: string;
  args: string[];
  cwd: string;
  env: Record<string, string>;
}

/**
 * @param home the container's own layer: gone with the container
 * @param env the instance's environment; PATH and /usr/bin are searched for jupyter-server
 */
export function gatewayProcess(
  run: { mounts: readonly Mount[]; publish: Endpoint },
  home: string,
  env: NodeJS.ProcessEnv,
): GatewayProcess {
  const work = hostPath(run.mounts, '/work');
  const config = path.dirname(hostPath(run.mounts, CONFIG_FILE));
  return {
    file: requireProgram('jupyter-server', env['PATH'] ?? ''),
    args: [
      `--ServerApp.ip=${run.publish.address}`,
      `--ServerApp.port=${run.publish.port}`,
      `--ServerApp.root_dir=${work}`,
    ],
    cwd: work,
    env: {
      PATH: env['PATH'] ?? '',
      LANG: env['LANG'] ?? 'C.UTF-8',
      HOME: home,
      JUPYTER_CONFIG_PATH: [config, OWN_CONFIG].join(':'),
      JUPYTER_CONFIG_DIR: path.join(home, 'config'),
      JUPYTER_DATA_DIR: path.join(home, 'data'),
      JUPYTER_RUNTIME_DIR: path.join(home, 'runtime'),
      IPYTHONDIR: path.join(home, 'ipython'),
      MPLCONFIGDIR: path.join(home, 'matplotlib'),
      // Google's libraries in a kernel ask the instance's metadata server.
      GCE_METADATA_HOST: env['GCE_METADATA_HOST'] ?? '',
      DATALAB_EMULATOR_KERNEL_ADDRESS: run.publish.address,
      DATALAB_EMULATOR_LEASH: env['DATALAB_EMULATOR_LEASH'] ?? '',
    },
  };
}

function hostPath(mounts: readonly Mount[], container: string): string {
  const mount = mounts.find((candidate) => candidate.container === container);
  if (!mount) throw new Error(`nothing is mounted at ${container}`);
  return mount.host;
}

function requireProgram(name: string, searchPath: string): string {
  // Debian's first: a Python environment on the user's PATH may have the command without a kernel.
  const found = findProgram(name, ['/usr/bin', ...searchPath.split(':')]);
  if (found !== undefined) return found;
  throw new Error(`${name} is not installed`);
}
