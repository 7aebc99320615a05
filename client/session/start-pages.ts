// The UI server as a stage of `start`, for those who want pages: a container or a process, kept. Called by serve.ts.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { systemClock } from '../clock.ts';
import type { Engine } from '../docker/engine-info.ts';
import { whoRunsThis } from '../docker/person.ts';
import { UI_IMAGE_SOURCE } from '../installed.ts';
import type { Io } from '../io.ts';
import { keepUiServer } from '../jupyter/kept-ui.ts';
import { removeOldRunFolders } from '../jupyter/run-folder.ts';
import type { UiServer, UiServerEnd } from '../jupyter/ui-answers.ts';
import { newUiLog } from '../jupyter/ui-logs.ts';
import { startUiServer } from '../jupyter/ui-server.ts';
import type { Progress } from '../output/progress.ts';
import type { UiChoice } from './choose-ui.ts';
import type { Programs } from './start-programs.ts';

export interface Pages {
  folder: string;
  choice: UiChoice;
  programs: Programs;
  stateDir: string;
  /** What the image of the container begins with. */
  baseImage: string;
  /** Ends it with the rest. */
  parts: AsyncDisposableStack;
  /** For what happens later. */
  say: (text: string) => void;
}

type Start = (signal: AbortSignal) => Promise<UiServer>;

/** Undefined where no pages are wanted. @throws UiServerError, ClientError */
export async function startPages(
  pages: Pages,
  progress: Progress,
  signal: AbortSignal,
  io: Io,
): Promise<UiServer | undefined> {
  const { choice, parts, say } = pages;
  if (choice.kind === 'none') return undefined;
  return await progress.stage('Notebooks', async (stage) => {
    const logFile = newUiLog(path.join(pages.stateDir, 'ui'), process.pid);
    // A server that is started again later is no stage any more.
    let isStage = true;
    const tell = (text: string) => {
      if (isStage) stage.say(text);
    };
    const around = { logFile, tell, io };
    const start =
      choice.kind === 'process'
        ? asProcess(pages, around)
        : inContainer(pages, choice.engine, around);
    const onRestart = ({ code }: UiServerEnd) => {
      say(restartWords(code));
    };
    const { elapsed } = io;
    const ui = await keepUiServer({ start, elapsed, onRestart, clock: systemClock }, signal);
    isStage = false;
    parts.defer(() => ui.stop());
    return ui;
  });
}

interface Surroundings {
  logFile: string;
  /** What it waits for. */
  tell: (text: string) => void;
  io: Io;
}

function asProcess(pages: Pages, { logFile, tell, io }: Surroundings): Start {
  return async (signal) => {
    const program = pages.programs.ui;
    if (!program) throw new Error('start-programs.ts has found no program for the pages');
    tell(`waiting for ${program.path}`);
    return await startUiServer({
      ...{ program, logFile, signal, contentDir: pages.folder, clock: systemClock },
      stateDir: path.join(pages.stateDir, 'ui'),
      environment: { ...io.env },
      isRoot: process.getuid?.() === 0,
    });
  };
}

/** Image and leftovers are looked at before each start: somebody may have tidied up meanwhile. */
function inContainer(pages: Pages, engine: Engine, { logFile, tell, io }: Surroundings): Start {
  const environment = { ...io.env };
  const stateDir = path.join(pages.stateDir, 'ui');
  return async (signal) => {
    const { ensureImage } = await import('../docker/built-image.ts');
    const { uiImage } = await import('../docker/ui-image.ts');
    const { removeLeftovers } = await import('../docker/leftovers.ts');
    const { startUiContainer } = await import('../docker/ui-container.ts');
    const onProgress = (line: string) => {
      tell(`building the image, once: ${line}`);
    };
    const wanted = uiImage({ source: UI_IMAGE_SOURCE, baseImage: pages.baseImage });
    const [image] = await Promise.all([
      ensureImage(wanted, { environment, onProgress, signal }),
      removeLeftovers({ environment, signal }),
      removeOldRunFolders(stateDir),
    ]);
    tell(`waiting for a container of ${engine.name}`);
    return await startUiContainer({
      ...{ engine, image, stateDir, logFile, environment, signal, clock: systemClock },
      contentDir: pages.folder,
      person: whoRunsThis(),
      volume: volumeName(pages.stateDir),
    });
  };
}

/** One for each user and state folder, as JupyterLab's settings are when it is a process. */
function volumeName(stateDir: string): string {
  const place = createHash('sha256').update(stateDir).digest('hex').slice(0, 8);
  return ['datalab-ui', process.getuid?.(), place].filter((part) => part !== undefined).join('-');
}

function restartWords(code: number): string {
  return `The notebook server ended by itself with status ${code} and has been started again; the kernels have gone on.`;
}
