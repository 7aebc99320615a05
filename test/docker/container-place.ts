// What a container with the notebook pages needs in a test: the real image, which stays in the engine for the next time, and
// folders and a volume that go.
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '../../client/clock.ts';
import { startUiContainer, type UiContainerOptions } from '../../client/docker/ui-container.ts';
import { ensureImage } from '../../client/docker/built-image.ts';
import { uiImage } from '../../client/docker/ui-image.ts';
import { UI_IMAGE_SOURCE } from '../../client/installed.ts';
import type { UiServer } from '../../client/jupyter/ui-answers.ts';
import { newUiLog } from '../../client/jupyter/ui-logs.ts';
import { lastFirst, type Cleaner } from '../browser/last-first.ts';
import { requireClientEngine } from './client-engine.ts';
import { docker } from './engine.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

export const BASE_IMAGE = 'debian:trixie-slim';

/** Of the tests' own, so that they leave the user's images alone. */
export const REPOSITORY = 'datalab-ui-test';

let building: Promise<string> | undefined;

export function pagesImage(): Promise<string> {
  building ??= ensureImage(
    uiImage({ source: UI_IMAGE_SOURCE, baseImage: BASE_IMAGE, repository: REPOSITORY }),
    { environment: process.env, onProgress: () => undefined },
  );
  return building;
}

export interface ContainerPlace extends UiContainerOptions {
  /** What was started last ends first. */
  end: Cleaner;
}

/** Undefined: the test is skipped. */
export async function containerPlace(t: TestContext): Promise<ContainerPlace | undefined> {
  const engine = await requireClientEngine(t);
  if (!engine) return undefined;
  const image = await pagesImage();
  const end = lastFirst(t);
  const folder = temporaryFolder(end);
  const contentDir = path.join(folder, 'my "notebooks", all');
  mkdirSync(contentDir);
  const stateDir = path.join(folder, 'state');
  return {
    ...{ end, engine, image, contentDir, stateDir, volume: temporaryVolume(end) },
    logFile: newUiLog(stateDir, process.pid),
    person: { uid: process.getuid?.(), gid: process.getgid?.() },
    ...{ environment: process.env, clock: systemClock },
  };
}

export async function startContainer(place: ContainerPlace): Promise<UiServer> {
  const server = await startUiContainer(place);
  place.end.after(() => server.stop());
  return server;
}

export function temporaryVolume(t: Cleaner): string {
  const volume = `datalab-ui-test-${randomBytes(6).toString('hex')}`;
  t.after(async () => {
    await docker('volume', 'rm', '--force', volume);
  });
  return volume;
}

/** Ids of the containers that have this folder, in any state. */
export async function containersWith(folder: string): Promise<string[]> {
  const ids = (await docker('ps', '--all', '--quiet', '--filter', 'label=datalab.ui.client')).split(
    '\n',
  );
  const found = await Promise.all(
    ids.map(async (id) => {
      if (id === '') return [];
      const about = await docker('inspect', id).catch(() => '');
      return about.includes(JSON.stringify(folder).slice(1, -1)) ? [id] : [];
    }),
  );
  return found.flat();
}
