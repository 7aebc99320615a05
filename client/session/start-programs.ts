// What `start` needs installed on this machine, before anything else is begun.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../clock.ts';
import type { Io } from '../io.ts';
import { installMissing } from '../jupyter/install.ts';
import type { JupyterPrograms } from '../jupyter/jupyter-programs.ts';
import type { StartOptions } from './start-options.ts';
import type { UiChoice } from './choose-ui.ts';
import type { Progress } from '../output/progress.ts';

export type Programs = Pick<JupyterPrograms, 'ui'>;

/** Finds or installs Jupyter: for the emulated gateway, and for the pages where a process serves them. */
export async function preparePrograms(
  flags: Pick<StartOptions, 'emulator' | 'runtime'>,
  ui: UiChoice['kind'],
  stateDir: string,
  progress: Progress,
  io: Io,
): Promise<Programs> {
  const hasOwnGateway = flags.emulator === true && flags.runtime === 'process';
  if (ui !== 'process' && !hasOwnGateway) return { ui: undefined };
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  return await progress.stage('Programs', async (stage) => {
    stage.say('which Jupyter is here');
    return await installMissing({
      need: ui === 'process' ? 'gatewayAndUi' : 'gateway',
      environment: io.env,
      isRoot: process.getuid?.() === 0,
      logFile: path.join(stateDir, 'apt-get.log'),
      clock: systemClock,
      onProgress: (line) => {
        stage.say(line);
      },
      signal: io.interrupt,
    });
  });
}
