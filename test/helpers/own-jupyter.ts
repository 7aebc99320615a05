// A Jupyter server with pages of the user's own, started by hand on somebody else's kernels: --gateway-url and the token in
// its environment, and nothing else that is not needed to try it.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { until } from './until.ts';

export interface OwnJupyter {
  url: string;
  token: string;
  /** The last lines of what it wrote. */
  lines: readonly string[];
  start(): Promise<void>;
  /** Resolves when it has ended. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface OwnJupyterOptions {
  /** `jupyter-server`, `jupyter-notebook` or `jupyter-lab`. */
  program: string;
  gateway: { url: string; token: string };
  /** Of the notebooks, and of what it keeps. */
  folder: string;
  port: number;
  environment?: Record<string, string>;
}

const TOKEN = 'the-token-of-their-own-server';
const KEPT_LINES = 200;
const START_SECONDS = 90;

export function ownJupyter(options: OwnJupyterOptions): OwnJupyter {
  const url = `http://127.0.0.1:${options.port}`;
  const lines: string[] = [];
  let server: ChildProcess | undefined;
  return {
    ...{ url, token: TOKEN, lines },
    start: async () => {
      const started = spawnServer(options, lines);
      server = started;
      const answers = () => {
        if (started.exitCode !== null) throw new Error(lines.slice(-10).join('\n'));
        return isReady(url);
      };
      await until(`${options.program} answers`, answers, START_SECONDS);
    },
    end: async (signal) => {
      const ending = server;
      server = undefined;
      if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
      const exited = once(ending, 'exit');
      ending.kill(signal);
      await exited;
    },
  };
}

function spawnServer(options: OwnJupyterOptions, lines: string[]): ChildProcess {
  const { program, gateway, folder, port, environment } = options;
  const application = program.endsWith('notebook') ? 'NotebookApp' : 'ServerApp';
  const args = [
    ...['--no-browser', '--allow-root', `--port=${port}`, `--gateway-url=${gateway.url}`],
    ...[`--${application}.token=${TOKEN}`, `--${application}.port_retries=0`],
  ];
  // It is killed with this process, however that ends; `end` still signals the server itself.
  const server = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      LANG: 'C.UTF-8',
      HOME: folder,
      JUPYTER_GATEWAY_AUTH_TOKEN: gateway.token,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const output of [server.stdout, server.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
    });
  }
  return server;
}

async function isReady(url: string): Promise<boolean> {
  const headers = { authorization: `token ${TOKEN}` };
  const answer = await fetch(`${url}/api/kernelspecs`, { headers }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok ?? false;
}
