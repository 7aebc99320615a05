// What a person does with the printed URL: opens an example notebook in a browser, runs all of it, sees numbers and
// plots; and the kernel is the emulated instance's.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { CHROMIUM, launchBrowser } from '../browser/chromium.ts';
import { runClient, untilNoProcess } from '../helpers/client.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const EXAMPLES = path.join(import.meta.dirname, '../../examples');
const NOTEBOOK_SECONDS = 120;

const RESULTS = {
  'keeling-curve.ipynb': { text: 'keeling-curve OK: 741 months', plots: 3 },
  'seattle-weather.ipynb': { text: 'seattle-weather OK: 1461 days', plots: 4 },
};

describe('the example notebooks in a browser', () => {
  it('run on the instance, with their numbers and plots', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server') || !requireProgram(t, CHROMIUM)) return;
    const stateDir = temporaryFolder(t);
    const content = temporaryFolder(t);
    cpSync(EXAMPLES, content, { recursive: true });
    const client = runClient(t, stateDir, ['start', '--emulator', '--json', content]);
    const { ui, session } = await client.ready();
    assert.ok(ui);
    const browser = await launchBrowser();
    t.after(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(ui.url);
    for (const [notebook, { text, plots }] of Object.entries(RESULTS)) {
      await runAll(page, new URL(ui.url), notebook);
      await page
        .getByText(text)
        .first()
        .waitFor({ timeout: NOTEBOOK_SECONDS * 1000, state: 'attached' });
      const where = page.getByText(`kernel runs on  ${session.instance?.name ?? ''}`).first();
      await where.waitFor({ state: 'attached' });
      const images = page.locator('.output_png img, .jp-RenderedImage img');
      assert.equal(await images.count(), plots, `${notebook} shows its plots`);
    }
    client.signal('SIGINT');
    assert.equal(await client.ended, 0);
    await untilNoProcess(stateDir);
  });
});

async function runAll(page: Page, start: URL, notebook: string): Promise<void> {
  const isLab = start.pathname.startsWith('/lab');
  // A workspace for each, or JupyterLab opens the notebook before again.
  const folder = isLab ? `/lab/workspaces/${path.parse(notebook).name}/tree` : '/notebooks';
  await page.goto(`${start.origin}${folder}/${notebook}`);
  if (isLab) {
    // In the status bar: the toolbar says idle even before there is a kernel.
    await page.getByText('| Idle').waitFor();
    await page.getByRole('menuitem', { name: 'Run', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Run All Cells', exact: true }).click();
    return;
  }
  await page.locator('.kernel_idle_icon').waitFor({ state: 'attached' });
  await page.getByRole('button', { name: 'Cell' }).or(page.locator('#celllink')).first().click();
  await page.locator('#run_all_cells').click();
}
