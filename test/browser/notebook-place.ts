// A notebook of its own for every scenario: pages on the shared world, a browser's context that has signed in, the
// notebook open with its kernel idle.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { classicPage } from './classic-page.ts';
import { labPage } from './lab-page.ts';
import type { Cleaner } from './last-first.ts';
import { lastFirst } from './last-first.ts';
import type { NotebookPage } from './notebook-page.ts';
import { signIn, writeNotebook } from './notebook-page.ts';
import type { Pages } from './pages.ts';
import { startPages } from './pages.ts';
import type { PageKind } from './ui-path.ts';
import type { World } from './world.ts';

export interface Suite {
  kind: PageKind;
  /** Where the pages' Jupyter is found. */
  searchPath: string;
  world: World;
  browser: Browser;
}

export interface Place {
  kind: PageKind;
  world: World;
  pages: Pages;
  notebook: NotebookPage;
  /** Opens it as at first, by its name. */
  open(): Promise<void>;
  /** Of the gateway's session of this notebook, however it is called now. @throws if there is not exactly one */
  kernelId(): Promise<string>;
  /** Kept when DATALAB_SCREENSHOTS names a folder. */
  picture(name: string): Promise<void>;
}

const NOTEBOOK = 'notebook.ipynb';

export async function openPlace(
  test: Cleaner,
  { kind, searchPath, world, browser }: Suite,
  sources: readonly string[],
): Promise<Place> {
  const t = lastFirst(test);
  const pages = await startPages(t, world, searchPath);
  writeNotebook(pages.contentDir, NOTEBOOK, sources);
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
  t.after(() => context.close());
  await signIn(context, pages.now.url);
  const page = await context.newPage();
  const notebook = kind === 'lab' ? labPage(page) : classicPage(page);
  const open = () => notebook.open(pages.now.origin, NOTEBOOK);
  const picture = async (name: string) => {
    const folder = process.env['DATALAB_SCREENSHOTS'];
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: path.join(folder, `${kind}-${name}.png`) });
  };
  // The last that was seen, which after a failure tells why.
  t.after(() => picture(`end-${pages.now.port}`));
  await open();
  return {
    ...{ kind, world, pages, notebook, open, picture },
    kernelId: () => theKernel(world, pages.contentDir),
  };
}

async function theKernel(world: World, contentDir: string): Promise<string> {
  const folder = path.basename(contentDir);
  const ours = (await world.sessions()).filter((session) => session.path.startsWith(folder));
  const [session, another] = ours;
  if (!session || another) throw new Error(`${ours.length} sessions in place of one`);
  return session.kernel.id;
}
