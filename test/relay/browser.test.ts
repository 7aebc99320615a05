// A real browser at the relay's first address: signs in, opens a notebook, runs its cell in the gateway's kernel, saves it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { CHROMIUM, launchBrowser } from '../browser/chromium.ts';
import { requireProgram } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';
import type { JupyterWorld } from './jupyter-world.ts';
import { startJupyterWorld } from './jupyter-world.ts';

const JUPYTER = '/usr/bin/jupyter-server';

describe('a browser at the relay', () => {
  let world: JupyterWorld | undefined;
  let browser: Browser | undefined;
  before(async () => {
    if (!existsSync(JUPYTER) || !existsSync(CHROMIUM)) return;
    world = await startJupyterWorld();
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await world?.end();
  });

  it('runs a notebook’s cell in the gateway and saves what it printed', async (t: TestContext) => {
    if (!requireProgram(t, JUPYTER) || !requireProgram(t, CHROMIUM)) return;
    if (!world || !browser) return;
    const { relay, ui, contentDir } = world;
    const page = await browser.newPage();
    const refused = collectRefusals(page, relay.origin);
    await page.goto(relay.url);
    assert.ok(!page.url().includes('token'), page.url());
    const isLab = ui.startPath === '/lab';
    await page.goto(`${relay.origin}${isLab ? '/lab/tree' : '/notebooks'}/example.ipynb`);
    await page.getByText('6 * 7').first().click({ timeout: 60_000 });
    await until('the gateway runs the page’s kernel', async () => {
      const sessions = (await world?.gateway.get('/api/sessions')) as { path: string }[];
      return sessions.some((session) => session.path === 'content-1/example.ipynb');
    });
    // Run before the page has its kernel, JupyterLab asks which one to take, and the classic notebook does nothing.
    const idle = isLab ? page.getByText('| Idle') : page.getByTitle('Kernel Idle');
    await idle.waitFor({ timeout: 60_000 });
    await page.keyboard.press('Control+Enter');
    await page.getByText('the answer is 42').waitFor({ timeout: 60_000 });
    await page.keyboard.press('Control+s');
    const saved = () => readFileSync(path.join(contentDir, 'example.ipynb'), 'utf8');
    await until('the notebook is saved', () => saved().includes('the answer is 42'));
    assert.deepEqual(refused, []);
  });

  it('is signed in by a link on another site’s page too', async (t: TestContext) => {
    if (!requireProgram(t, JUPYTER) || !requireProgram(t, CHROMIUM)) return;
    if (!world || !browser) return;
    const { relay } = world;
    const context = await browser.newContext();
    const page = await context.newPage();
    const refused = collectRefusals(page, relay.origin);
    await page.goto(`data:text/html,<a href="${relay.url}">notebooks</a>`);
    await page.click('a');
    const name = page.getByText('example.ipynb').filter({ visible: true });
    await name.first().waitFor({ timeout: 60_000 });
    assert.ok(!page.url().includes('token'), page.url());
    assert.deepEqual(refused, []);
    await context.close();
  });
});

/** Answers of 401, 403, 421 and above 500, which nothing on a page should get. */
function collectRefusals(page: Page, origin: string): string[] {
  const refused: string[] = [];
  page.on('response', (response) => {
    const status = response.status();
    const isRefusal = [401, 403, 421].includes(status) || status >= 500;
    if (response.url().startsWith(origin) && isRefusal) {
      refused.push(`${status} ${response.url()}`);
    }
  });
  return refused;
}
