// An example notebook as a user of the docker runtime has it: the pages of `start --ui container` in a browser, its kernel in
// the instance's container. browser.test.ts looks at what it shows, scripts/screenshot.ts takes the README's picture of it.
import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { launchBrowser } from '../browser/chromium.ts';
import { labPage } from '../browser/lab-page.ts';
import type { Cleaner } from '../browser/last-first.ts';
import { signIn, textsIn, type NotebookPage } from '../browser/notebook-page.ts';
import type { RunningClient } from '../helpers/client.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { startDockerCloud, type DockerCloud } from './cloud.ts';
import { containersWith } from './container-place.ts';
import type { Docker } from './engine.ts';
import { gatewayImage } from './gateway-container.ts';

export interface ExamplePage {
  notebook: NotebookPage;
  /** The notebook on the user's machine. */
  file: string;
  /** The container that the kernels run in. */
  gateway: string;
}

/** Of a notebook's file. */
export interface CodeCell {
  cell_type: string;
  execution_count: number | null;
  metadata: { jupyter?: { source_hidden?: boolean } };
  outputs: unknown[];
}

export const PLOTS = '.jp-Notebook .jp-RenderedImage img';
/** The images of agent and pages are built if nothing of them is in the engine's cache. */
const START_SECONDS = 600;
const RUN_SECONDS = 120;
const VIEWPORT = { width: 1280, height: 800 };
const EXAMPLES = path.join(import.meta.dirname, '../../examples');

/**
 * A cloud, a session and a browser of its own, with the notebook open and its kernel idle.
 * @param t what was started last ends first
 */
export async function openExample(t: Cleaner, docker: Docker, name: string): Promise<ExamplePage> {
  const contentDir = temporaryFolder(t);
  cpSync(EXAMPLES, contentDir, { recursive: true });
  const cloud = await startCloud(t, docker);
  const client = cloud.client('start', contentDir, '--ui', 'container', '--no-browser');
  t.after(() => endPages(client, docker, contentDir));
  const { session, ui } = await client.ready(START_SECONDS);
  if (!ui) throw new Error('start has no pages');
  const browser = await launchBrowser();
  t.after(() => browser.close());
  const context = await browser.newContext({ viewport: VIEWPORT });
  await signIn(context, ui.url);
  const notebook = labPage(await context.newPage());
  await notebook.open(new URL(ui.url).origin, name);
  const gateway = `${session.instance?.name ?? ''}-gateway`;
  return { notebook, gateway, file: path.join(contentDir, name) };
}

/** Its project has the gateway image: Cloud Build, whose registry is empty, would take none of its layers from the engine. */
async function startCloud(t: Cleaner, docker: Docker): Promise<DockerCloud> {
  const image = await gatewayImage(docker);
  const cloud = await startDockerCloud(t, docker);
  const name = `${cloud.registry}/datalab-emulator/datalab-gateway:latest`;
  t.after(() => docker('image', 'rm', '--force', name));
  t.after(() => cloud.end());
  await docker('tag', image, name);
  await cloud.push(name);
  return cloud;
}

/** @returns when each code cell has its number, from 1 on; one whose source is folded shows none */
export async function runAllCells({ notebook, file }: ExamplePage): Promise<void> {
  const wanted = codeCells(file).map(({ metadata }, index) => {
    return metadata.jupyter?.source_hidden ? '' : `[${index + 1}]:`;
  });
  let numbers: string[] = [];
  await notebook.runAll();
  await until(
    'every cell has its number',
    async () => {
      numbers = await textsIn(notebook.page, '.jp-Notebook .jp-CodeCell', '.jp-InputArea-prompt');
      return numbers.join() === wanted.join();
    },
    RUN_SECONDS,
  ).catch(async (error: unknown) => {
    const shown = JSON.stringify(await notebook.outputs()).slice(0, 2000);
    throw new Error(`${String(error)}; they have ${numbers.join(' ')} and show ${shown}`);
  });
}

/** @returns the code cells that then stand in the file */
export async function saveRun({ notebook, file }: ExamplePage): Promise<CodeCell[]> {
  await notebook.save();
  // JupyterLab marks tabs so; the server writes into the file itself, which until then may be half of it.
  const unsaved = notebook.page.locator('.jp-mod-dirty');
  await until('the notebook is saved', async () => (await unsaved.count()) === 0);
  return codeCells(file);
}

/** Those that have a size: an image whose data is broken has none. */
export function countPlots({ notebook }: ExamplePage): Promise<number> {
  const read = (images: Picture[]) => images.filter((image) => image.naturalWidth > 0).length;
  return notebook.page.locator(PLOTS).evaluateAll(read);
}

/** What of an image in the page's DOM is used. */
interface Picture {
  naturalWidth: number;
}

function codeCells(file: string): CodeCell[] {
  const { cells } = JSON.parse(readFileSync(file, 'utf8')) as { cells: CodeCell[] };
  return cells.filter(({ cell_type: type }) => type === 'code');
}

/** As Ctrl-C does; the volume with JupyterLab's settings, which outlives a client, goes too. */
async function endPages(client: RunningClient, docker: Docker, contentDir: string): Promise<void> {
  const volumes = await Promise.all((await containersWith(contentDir)).map(volumeOf(docker)));
  client.signal('SIGINT');
  await client.ended;
  await until('no container is left', async () => (await containersWith(contentDir)).length === 0);
  for (const volume of volumes.filter((name) => name !== '')) await docker('volume', 'rm', volume);
}

function volumeOf(docker: Docker): (container: string) => Promise<string> {
  const volumes = '{{range .Mounts}}{{.Name}}{{end}}';
  return async (container) => (await docker('inspect', '--format', volumes, container)).trim();
}
