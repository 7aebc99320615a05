// Gateway and agent of the continuity tests as containers of their real images, started as vm-startup.sh starts them and
// behaving towards the tests as the processes do that they stand for.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Docker } from '../docker/engine.ts';
import { engineHost } from '../docker/engine.ts';
import type { JupyterGateway } from '../helpers/jupyter-gateway.ts';
import { shutDownKernels, untilAnswers } from '../helpers/jupyter-gateway.ts';
import type { Program } from '../helpers/program.ts';
import { programOf } from '../helpers/program.ts';
import { freePort } from '../helpers/real-gateway.ts';
import { until } from '../helpers/until.ts';

/** What the machine is made of, in the place of processes. */
export interface Containers {
  docker: Docker;
  images: { gateway: string; agent: string };
}

const LOGS = ['--log-opt', 'max-size=10m', '--log-opt', 'max-file=3'];
const CONTAINER_PORT = 8888;

/** @param folder the machine's disk */
export async function startGatewayContainer(
  docker: Docker,
  image: string,
  folder: string,
): Promise<JupyterGateway> {
  const name = `datalab-test-${randomBytes(4).toString('hex')}-gateway`;
  const token = randomBytes(24).toString('hex');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const workFolder = path.join(folder, 'work');
  mkdirSync(workFolder);
  chmodSync(workFolder, 0o1777);
  const tokenFile = path.join(folder, 'token');
  writeFileSync(tokenFile, token, { mode: 0o600 });
  const config = path.join(folder, 'jupyter_server_config.json');
  writeFileSync(config, JSON.stringify(configuration(token)));
  const remove = () => docker('rm', '--force', '--volumes', name);
  const start = async (...command: string[]) => {
    await docker(...command);
    await untilAnswers(url, token);
  };
  try {
    await start(
      ...['run', '--detach', '--name', name, ...LOGS, '--security-opt', 'no-new-privileges'],
      ...['--publish', `127.0.0.1:${port}:${CONTAINER_PORT}`],
      ...['--volume', `${config}:/etc/jupyter/jupyter_server_config.json:ro`],
      ...['--volume', `${workFolder}:/work`, '--workdir', '/work', image],
    );
  } catch (error) {
    await remove().catch(() => undefined);
    throw error;
  }
  const run = async (verb: string) => {
    await docker(verb, name);
  };
  return {
    ...{ url, token, tokenFile, workFolder },
    kill: () => run('kill'),
    startAgain: () => start('start', name),
    // All of it stands still: a container has no server apart from its kernels.
    freeze: () => {
      pauseNow('pause', name);
    },
    thaw: () => {
      pauseNow('unpause', name);
    },
    suspend: () => run('pause'),
    resume: () => run('unpause'),
    shutDownKernels: () => shutDownKernels(url, token),
    stop: async () => {
      await remove();
    },
  };
}

/** In the middle of what the caller does, as a signal is. */
function pauseNow(verb: 'pause' | 'unpause', name: string): void {
  spawnSync('docker', [verb, name], { env: { ...process.env, DOCKER_HOST: engineHost() } });
}

/** What vm-startup.sh writes. */
function configuration(token: string) {
  return {
    ServerApp: {
      ...{ ip: '0.0.0.0', port: CONTAINER_PORT, port_retries: 0, root_dir: '/work', token },
      ...{ password: '', open_browser: false, allow_root: true, allow_remote_access: true },
      ...{ disable_check_xsrf: true, limit_rate: false },
      tornado_settings: { websocket_max_message_size: 1_073_741_824 },
    },
    IdentityProvider: { token },
    ZMQChannelsWebsocketConnection: { limit_rate: false },
    MappingKernelManager: { cull_idle_timeout: 0 },
  };
}

/** What an agent needs to be told, its files by their place on this machine. */
export interface AgentContainerOptions {
  image: string;
  stateDir: string;
  tokenFile: string;
  environment: Record<string, string>;
}

export interface AgentContainer extends Program {
  suspend(): Promise<void>;
  resume(): Promise<void>;
}

export function agentContainer(docker: Docker, options: AgentContainerOptions): AgentContainer {
  const { image, stateDir, tokenFile } = options;
  const name = `datalab-test-${randomBytes(4).toString('hex')}-agent`;
  mkdirSync(stateDir, { recursive: true });
  const environment = {
    ...options.environment,
    AGENT_STATE_DIR: '/var/lib/datalab-agent',
    GATEWAY_TOKEN_FILE: '/run/datalab/gateway-token',
  };
  const program = programOf({
    name: 'the agent',
    command: [
      ...(['docker', 'run', '--rm', '--name', name, '--network', 'host', '--pid', 'host'] as const),
      ...['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', ...LOGS],
      ...['--volume', `${tokenFile}:/run/datalab/gateway-token:ro`],
      ...['--volume', `${stateDir}:/var/lib/datalab-agent`],
      ...Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
      image,
    ],
    environment: { DOCKER_HOST: engineHost() },
    isReady: (lines) => lines.some((line) => line.includes('front door open')),
  });
  const endProgram = program.end.bind(program);
  return Object.assign(program, {
    end: async (signal: Parameters<Program['end']>[0]) => {
      // A signal to `docker run` is handed on to the agent, but for the one that nobody can hand on.
      if (signal === 'SIGKILL') await docker('rm', '--force', name).catch(() => undefined);
      await endProgram(signal);
      await until(`${name} is gone`, () =>
        docker('inspect', name).then(
          () => false,
          () => true,
        ),
      );
    },
    suspend: async () => {
      await docker('pause', name);
    },
    resume: async () => {
      await docker('unpause', name);
    },
  });
}
