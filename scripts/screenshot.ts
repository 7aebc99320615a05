// `npm run screenshot`: makes docs/screenshot.png, the picture of the README, of what a user of the docker runtime sees. What it
// opens and runs is what test/docker/browser.test.ts checks.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { CHROMIUM } from '../test/browser/chromium.ts';
import { cleanerOf, type Cleaner } from '../test/browser/last-first.ts';
import { docker, requireEngine } from '../test/docker/engine.ts';
import { openExample, PLOTS, runAllCells, saveRun } from '../test/docker/example-page.ts';
import { requireProgram } from '../test/helpers/requires.ts';
import { until } from '../test/helpers/until.ts';

const FILE = path.join(import.meta.dirname, '../docs/screenshot.png');
/** Everybody who reads the README loads it. */
const MAX_BYTES = 200_000;
/** A question, a notification, a menu, and what the status bar says of a save for some seconds. */
const PASSING = '.jp-Dialog, .Toastify__toast, .lm-Menu, .jp-StatusBar-Middle :text("Saving")';

const needs = {
  skip: (message?: string) => {
    throw new Error(message);
  },
};
requireProgram(needs, CHROMIUM);
requireEngine(needs);
console.log('Starts a session on the docker runtime; building its images takes minutes.');
await using stack = new AsyncDisposableStack();
const picture = await takePicture(cleanerOf(stack));
if (picture.length > MAX_BYTES) {
  const sizes = `${picture.length} bytes, more than ${MAX_BYTES}`;
  throw new Error(`The picture has ${sizes}: show less of the page.`);
}
writeFileSync(FILE, picture);
console.log(`${FILE}: ${picture.length} bytes. Look at it.`);

async function takePicture(t: Cleaner): Promise<Buffer> {
  const example = await openExample(t, docker, 'keeling-curve.ipynb');
  await runAllCells(example);
  // A saved notebook has no mark in its tab.
  await saveRun(example);
  const { page } = example.notebook;
  await page.locator(PLOTS).first().evaluate(showInTheMiddle);
  // What the pointer is on would be highlighted.
  await page.mouse.move(0, 0);
  const passing = page.locator(PASSING).filter({ visible: true });
  await until('nothing passing is shown', async () => (await passing.count()) === 0);
  return await page.screenshot({ animations: 'disabled' });
}

/** Runs in the page. */
function showInTheMiddle(plot: { scrollIntoView(where: { block: 'center' }): void }): void {
  plot.scrollIntoView({ block: 'center' });
}
