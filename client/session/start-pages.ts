// The UI server as a stage of `start`, for those who want pages. Called by serve.ts.
import path from 'node:path';
import { systemClock } from '../clock.ts';
import type { Programs } from './start-programs.ts';
import type { Io } from '../io.ts';
import { startUiServer, type UiServer } from '../jupyter/ui-server.ts';
import type { Progress } from '../output/progress.ts';
import type { StartOptions } from './start-options.ts';

export interface Pages {
  folder: string;
  options: StartOptions;
  programs: Programs;
  stateDir: string;
  /** Ends it with the rest. */
  parts: AsyncDisposableStack;
}

/** Undefined where no pages are wanted. @throws UiServerError */
export async function startPages(
  { folder, options, programs, stateDir, parts }: Pages,
  progress: Progress,
  signal: AbortSignal,
  io: Io,
): Promise<UiServer | undefined> {
  const program = programs.ui;
  if (options.ui !== 'process' || !program) return undefined;
  return await progress.stage('Notebooks', async (stage) => {
    stage.say(`waiting for ${program.path}`);
    const uiFolder = path.join(stateDir, 'ui');
    const ui = await startUiServer({
      contentDir: folder,
      stateDir: uiFolder,
      program,
      environment: { ...io.env },
      isRoot: process.getuid?.() === 0,
      clock: systemClock,
      signal,
    });
    parts.defer(() => ui.stop());
    return ui;
  });
}
