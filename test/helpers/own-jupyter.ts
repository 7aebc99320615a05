// A Jupyter server with pages of the user's own, started by hand on somebody else's kernels: --gateway-url and the token in
// its environment, and nothing else that is not needed to try it.
import type { Program } from './program.ts';
import { programOf } from './program.ts';

export type OwnJupyter = { url: string; token: string } & Pick<Program, 'start' | 'end'>;

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

export function ownJupyter(options: OwnJupyterOptions): OwnJupyter {
  const { program, gateway, folder, port, environment } = options;
  const url = `http://127.0.0.1:${port}`;
  const application = program.endsWith('notebook') ? 'NotebookApp' : 'ServerApp';
  const args = [
    ...['--no-browser', '--allow-root', `--port=${port}`, `--gateway-url=${gateway.url}`],
    ...[`--${application}.token=${TOKEN}`, `--${application}.port_retries=0`],
  ];
  const server = programOf({
    name: program,
    // It is killed with this process, however that ends; `end` still signals the server itself.
    command: ['setpriv', '--pdeathsig', 'KILL', program, ...args],
    folder,
    environment: {
      LANG: 'C.UTF-8',
      HOME: folder,
      JUPYTER_GATEWAY_AUTH_TOKEN: gateway.token,
      ...environment,
    },
    isReady: () => isReady(url),
  });
  return {
    ...{ url, token: TOKEN },
    start: () => server.start(),
    end: (signal) => server.end(signal),
  };
}

async function isReady(url: string): Promise<boolean> {
  const headers = { authorization: `token ${TOKEN}` };
  const answer = await fetch(`${url}/api/kernelspecs`, { headers }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok ?? false;
}
