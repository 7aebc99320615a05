// What the tests do on a notebook's page, the same for JupyterLab (lab-page.ts) and the classic notebook
// (classic-page.ts): as a person, by menus and what is shown.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { until } from '../helpers/until.ts';

export interface NotebookPage {
  page: Page;
  /** Opens the notebook and waits until its kernel is idle. */
  open(origin: string, notebook: string): Promise<void>;
  /** As a person's reload: waits until the page has its kernel again, idle or busy. */
  reload(): Promise<void>;
  runAll(): Promise<void>;
  /** Types it into a new cell at the end and runs it. */
  runNew(source: string): Promise<void>;
  interrupt(): Promise<void>;
  restart(): Promise<void>;
  rename(name: string): Promise<void>;
  shutDown(): Promise<void>;
  save(): Promise<void>;
  /** What is printed below each code cell. */
  outputs(): Promise<string[]>;
  /** What the page says of the kernel, in its own words. */
  kernelStatus(): Promise<string>;
  /** What stands in a dialog that asks for attention; undefined: there is none. */
  dialog(): Promise<string | undefined>;
  /** Takes note of the dialog, if there is one. */
  dismiss(): Promise<void>;
}

/** Long, since several browsers and kernels share two processors. */
export const PAGE_SECONDS = 60;

/** Signs in by the printed address, as whoever starts the client does. */
export async function signIn(context: BrowserContext, url: string): Promise<void> {
  const page = await context.newPage();
  await page.goto(url, { waitUntil: 'domcontentloaded' });
  await page.close();
}

/** @returns when the page says so of its kernel */
export async function untilStatus(status: () => Promise<string>, wanted: RegExp): Promise<void> {
  let last = '';
  await until('the kernel', async () => wanted.test((last = await status())), 90).catch(() => {
    throw new Error(`the page says of its kernel ${JSON.stringify(last)}, not ${String(wanted)}`);
  });
}

/** @returns when a cell shows what matches */
export async function untilShown(notebook: NotebookPage, text: RegExp, cell?: number) {
  let shown: string[] = [];
  const look = async () => {
    shown = await notebook.outputs();
    return text.test(cell === undefined ? shown.join('\n') : (shown[cell] ?? ''));
  };
  await until(`shown: ${String(text)}`, look, PAGE_SECONDS).catch((error: unknown) => {
    throw new Error(`${String(error)}; the page shows ${JSON.stringify(shown).slice(0, 2000)}`);
  });
}

/** What of the page's DOM is used. */
interface Part {
  textContent: string | null;
  querySelectorAll(selector: string): Iterable<Part>;
}

/** The texts of each `outer`'s `inner` parts, as they are: what people see folds white space. */
export function textsIn(page: Page, outer: string, inner: string): Promise<string[]> {
  const read = (parts: Part[], selector: string) =>
    parts.map((part) =>
      [...part.querySelectorAll(selector)].map(({ textContent }) => textContent).join(''),
    );
  return page.locator(outer).evaluateAll(read, inner);
}

export async function untilRestarted(page: Page): Promise<void> {
  await page.waitForResponse((answer) => /\/kernels\/[^/?]+\/restart(\?|$)/.test(answer.url()));
}

export function writeNotebook(contentDir: string, name: string, sources: readonly string[]): void {
  const cells = sources.map((source, index) => ({
    cell_type: 'code',
    execution_count: null,
    id: `cell-${index}`,
    metadata: {},
    outputs: [],
    source,
  }));
  const kernelspec = { name: 'python3', display_name: 'Python 3', language: 'python' };
  const notebook = { cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 };
  writeFileSync(path.join(contentDir, name), JSON.stringify(notebook));
}
