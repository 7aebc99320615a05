// How the UI server is started: its command line and environment. Pure; ui-server.ts starts it.
import path from 'node:path';
import type { UiProgram } from './jupyter-programs.ts';

export interface UiSettings {
  program: UiProgram;
  contentDir: string;
  /** Settings of the UI are kept here between starts. */
  stateDir: string;
  socketPath: string;
  isRoot: boolean;
}

export function uiArguments(settings: UiSettings): string[] {
  const { program, contentDir, socketPath, isRoot } = settings;
  const app = isClassic(program) ? 'NotebookApp' : 'ServerApp';
  const root = isClassic(program) ? 'notebook_dir' : 'root_dir';
  return [
    '--no-browser',
    ...(isRoot ? ['--allow-root'] : []),
    `--${app}.sock=${socketPath}`,
    `--${app}.sock_mode=0600`,
    `--${app}.${root}=${contentDir}`,
    // Only the relay can open the socket, and it has asked for a token already.
    `--${app}.token=`,
    `--${app}.password=`,
    // JupyterLab's Shut Down deletes every listed notebook session first, kernels and all.
    `--${app}.quit_button=False`,
  ];
}

/** The user's own environment, which terminals inherit, but nothing of another Jupyter's. */
export function uiEnvironment(
  environment: NodeJS.ProcessEnv,
  settings: UiSettings,
): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !/^(JUPYTER|JPY_)/.test(name));
  return {
    ...Object.fromEntries(kept),
    JUPYTER_CONFIG_DIR: path.join(settings.stateDir, 'jupyter', 'config'),
    JUPYTER_DATA_DIR: path.join(settings.stateDir, 'jupyter', 'data'),
    JUPYTER_RUNTIME_DIR: path.join(settings.stateDir, 'jupyter', 'runtime'),
  };
}

export function startPathOf(program: UiProgram): string {
  return program.kind === 'lab' ? '/lab' : '/tree';
}

/** Notebook 6 is a server of its own; 7 runs on jupyter-server, as JupyterLab does. */
function isClassic(program: UiProgram): boolean {
  return program.kind === 'notebook' && Number.parseInt(program.version) < 7;
}
