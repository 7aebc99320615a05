// A notebook in the classic notebook 6, used by its menus.
import type { Page } from 'playwright-core';
import type { NotebookPage } from './notebook-page.ts';
import { PAGE_SECONDS, textsIn, untilRestarted, untilStatus } from './notebook-page.ts';

const timeout = PAGE_SECONDS * 1000;

export function classicPage(page: Page): NotebookPage {
  page.setDefaultTimeout(timeout);
  const status = () => kernelStatus(page);
  const press = async (name: string) => {
    await page.locator('.modal-dialog').getByRole('button', { name, exact: true }).click();
    await page.locator('.modal-backdrop').waitFor({ state: 'detached' });
  };
  return {
    page,
    open: async (origin, notebook) => {
      await page.goto(`${origin}/notebooks/${notebook}`);
      await untilStatus(status, /^Kernel Idle$/);
    },
    reload: async () => {
      await page.reload();
      // Behind a running cell it hears nothing of the kernel: `Connected` is all that it says.
      await untilStatus(status, /^Kernel (Idle|Busy|Connected)$/);
    },
    runAll: () => choose(page, '#celllink', '#run_all_cells'),
    runNew: async (source) => {
      await page.locator('.code_cell').last().locator('.input_prompt').click();
      await page.keyboard.press('b');
      await page.keyboard.press('Enter');
      await page.keyboard.insertText(source);
      await page.keyboard.press('Control+Enter');
    },
    interrupt: () => choose(page, '#kernellink', '#int_kernel'),
    restart: async () => {
      await choose(page, '#kernellink', '#restart_kernel');
      await Promise.all([untilRestarted(page), press('Restart')]);
      await untilStatus(status, /^Kernel Idle$/);
    },
    rename: async (name) => {
      await page.locator('#notebook_name').click();
      await page.locator('.modal-dialog input').fill(name.replace(/\.ipynb$/, ''));
      await press('Rename');
    },
    shutDown: async () => {
      await choose(page, '#kernellink', '#shutdown_kernel');
      await press('Shutdown');
    },
    save: () => page.keyboard.press('Control+s'),
    outputs: () => textsIn(page, '.code_cell', '.output_subarea'),
    kernelStatus: status,
    dialog: async () => {
      const [dialog] = await page.locator('.modal.in').allInnerTexts();
      return dialog;
    },
    // These go by themselves.
    dismiss: () => Promise.resolve(),
  };
}

/** A note beside the menus, `Connecting to kernel` say, and the title of the mark at their end, `Kernel Idle`. */
async function kernelStatus(page: Page): Promise<string> {
  const note = page.locator('#notification_kernel');
  const mark = await page.locator('#kernel_indicator_icon').getAttribute('title');
  const words = (await note.isVisible()) ? await note.innerText() : '';
  return [words.trim(), mark ?? ''].filter((part) => part !== '').join('; ');
}

async function choose(page: Page, menu: string, entry: string): Promise<void> {
  await page.locator(menu).click();
  await page.locator(entry).click();
}
