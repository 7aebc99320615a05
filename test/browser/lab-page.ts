// A notebook in JupyterLab 4, used by its menus.
import path from 'node:path';
import type { Page } from 'playwright-core';
import type { NotebookPage } from './notebook-page.ts';
import { PAGE_SECONDS, textsIn, untilRestarted, untilStatus } from './notebook-page.ts';

const timeout = PAGE_SECONDS * 1000;

export function labPage(page: Page): NotebookPage {
  page.setDefaultTimeout(timeout);
  const status = () => kernelStatus(page);
  const accept = () => page.locator('.jp-Dialog .jp-mod-accept').click();
  const untilKernel = async () => {
    await untilStatus(status, /Idle|Busy/);
    await sayNo(page);
  };
  return {
    page,
    open: async (origin, notebook) => {
      // A workspace for each, or JupyterLab opens the notebook before again.
      const workspace = path.parse(notebook).name;
      await page.goto(`${origin}/lab/workspaces/${workspace}/tree/${notebook}`);
      await untilStatus(status, /Idle/);
      await sayNo(page);
    },
    reload: async () => {
      await page.reload();
      await untilKernel();
    },
    runAll: () => choose(page, 'Run', 'Run All Cells'),
    runNew: async (source) => {
      await page.locator('.jp-Notebook .jp-Cell').last().locator('.jp-InputPrompt').click();
      await page.keyboard.press('b');
      await page.keyboard.press('Enter');
      await page.keyboard.insertText(source);
      await page.keyboard.press('Control+Enter');
    },
    interrupt: () => choose(page, 'Kernel', 'Interrupt Kernel'),
    restart: async () => {
      await choose(page, 'Kernel', 'Restart Kernel…');
      await Promise.all([untilRestarted(page), accept()]);
      await untilStatus(status, /Idle/);
    },
    rename: async (name) => {
      await choose(page, 'File', 'Rename Notebook…');
      await page.locator('.jp-Dialog input').fill(name);
      await accept();
      await page.locator('.jp-Dialog').waitFor({ state: 'detached' });
    },
    shutDown: () => choose(page, 'Kernel', 'Shut Down Kernel'),
    save: () => page.keyboard.press('Control+s'),
    outputs: () => textsIn(page, '.jp-Notebook .jp-CodeCell', '.jp-OutputArea-output'),
    kernelStatus: status,
    dialog: async () => {
      const [dialog] = await page.locator('.jp-Dialog').allInnerTexts();
      return dialog;
    },
    dismiss: async () => {
      const button = page.locator('.jp-Dialog button.jp-Dialog-button').last();
      if (await button.isVisible()) await button.click();
    },
  };
}

/** As in the status bar, `Python 3 (ipykernel) | Idle`: the toolbar says idle even before there is a kernel. */
async function kernelStatus(page: Page): Promise<string> {
  const items = await page.locator('#jp-main-statusbar .jp-StatusBar-Left').allInnerTexts();
  return /\| *(.*)/.exec(items.join(' '))?.[1]?.trim() ?? '';
}

/** The first start asks whether news are wanted. */
async function sayNo(page: Page): Promise<void> {
  const no = page.getByRole('button', { name: 'No', exact: true });
  if (await no.isVisible()) await no.click();
}

async function choose(page: Page, menu: string, entry: string): Promise<void> {
  await page.getByRole('menuitem', { name: menu, exact: true }).click();
  // Its accessible name has the keys that do the same.
  await page.locator('.lm-Menu-itemLabel').getByText(entry, { exact: true }).click();
}
