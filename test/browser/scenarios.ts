// What is done on a notebook's page and what happens to it, for both kinds of page. run-scenarios.ts runs them.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { untilShown } from './notebook-page.ts';
import type { Cleaner } from './last-first.ts';
import type { Place, Suite } from './notebook-place.ts';
import { openPlace } from './notebook-place.ts';

export type Scenario = (t: Cleaner, suite: Suite) => Promise<void>;

const CUT_SECONDS = 75;

/** Says how often it has run. */
const COUNT = 'runs = globals().get("runs", 0) + 1\nprint("ran", runs)';
/** How many lines the loop before has printed. */
const LINES = 'print("lines", line)';
const PROCESS = 'import os, time\nprint("process", os.getpid())';

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'runs all, is renamed while it runs, interrupted, restarted and shut down': async (t, suite) => {
    const place = await openPlace(t, suite, [PROCESS, 'print(6 * 7)', loop(3000)]);
    const { notebook, world } = place;
    await notebook.runAll();
    await untilShown(notebook, /^42$/m, 1);
    await untilShown(notebook, /^line 3$/m, 2);
    const kernel = await place.kernelId();
    await notebook.rename('renamed.ipynb');
    const paths = async () => (await world.sessions()).map((session) => session.path);
    await until('the kernel’s session has the new name', async () =>
      (await paths()).some((at) => at.endsWith('/renamed.ipynb')),
    );
    const line = linesOf((await notebook.outputs())[2]).length;
    await untilShown(notebook, new RegExp(`^line ${line + 5}$`, 'm'), 2);
    await notebook.interrupt();
    await untilShown(notebook, /KeyboardInterrupt/, 2);
    await notebook.runNew('print("then", os.getpid())');
    await untilShown(notebook, /^then \d+$/m, 3);
    await place.picture('interrupted');
    await notebook.restart();
    await notebook.runNew(PROCESS);
    await untilShown(notebook, /^process \d+$/m, 4);
    const [before = '', , , then = '', fresh = ''] = await notebook.outputs();
    assert.equal(numberIn(then), numberIn(before), 'an interrupt leaves the kernel');
    assert.notEqual(numberIn(fresh), numberIn(before), 'a restart does not');
    assert.equal(await place.kernelId(), kernel);
    await place.picture('restarted');
    await notebook.shutDown();
    await until('the kernel is gone', async () => !(await world.kernelIds()).includes(kernel));
    await place.picture('shut-down');
  },

  'finds its kernel when the page is reloaded, in the middle of a loop too': async (t, suite) => {
    const place = await openPlace(t, suite, ['kept = 5']);
    const { notebook } = place;
    await notebook.runAll();
    const kernel = await place.kernelId();
    await notebook.reload();
    await notebook.runNew('print("kept", kept)');
    await untilShown(notebook, /^kept 5$/m, 1);
    // An error would take what is sent behind it along.
    const patient = loop(3000).replaceAll(/^/gm, '    ');
    await notebook.runNew(`import time\ntry:\n${patient}\nexcept KeyboardInterrupt:\n    pass`);
    await untilShown(notebook, /^line 3$/m, 2);
    await notebook.save();
    await notebook.reload();
    assert.equal(await place.kernelId(), kernel);
    await notebook.interrupt();
    await notebook.runNew('print("interrupted", 3 <= line < 2999, kept)');
    await untilShown(notebook, /^interrupted True 5$/m);
    await place.picture('reloaded');
  },

  'finds its kernel when the notebook server was stopped, and killed': async (t, suite) => {
    const place = await openPlace(t, suite, ['kept = 7']);
    const { notebook, pages, world } = place;
    await notebook.runAll();
    const kernel = await place.kernelId();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await pages.signalUi(signal);
      assert.ok((await world.kernelIds()).includes(kernel), `the kernel is there after ${signal}`);
      await pages.startAgain();
      await place.open();
      assert.equal(await place.kernelId(), kernel);
      await notebook.runNew(`print("${signal}", kept)`);
      await untilShown(notebook, new RegExp(`^${signal} 7$`, 'm'));
    }
    await place.picture('served-again');
  },

  'shows every line of a loop in which the relay is killed': async (t, suite) => {
    const end = path.join(temporaryFolder(t), 'end');
    const place = await openPlace(t, suite, [PROCESS, loopUntil(end), COUNT, LINES]);
    const { notebook, pages } = place;
    await notebook.runAll();
    await untilShown(notebook, /^line 5$/m, 1);
    await pages.kill();
    await place.picture('relay-killed');
    const seen = linesOf((await notebook.outputs())[1]).length;
    await pages.startAgain();
    // The first of them may have been under way before.
    await untilShown(notebook, new RegExp(`^line ${seen + 10}$`, 'm'), 1);
    writeFileSync(end, '');
    await untilShown(notebook, /^lines \d+$/m, 3);
    await notebook.dismiss();
    // What the page had, and the relay had not yet noted that it had, comes again: see docs/decisions, kernels.
    const count = Number(numberIn((await notebook.outputs())[3] ?? ''));
    await assertComplete(place, count, { mayRepeat: true });
    await place.picture('relay-again');
  },
};

export const CUTS: Readonly<Record<string, Scenario>> = {
  [`shows every line of a loop in which the network is gone for ${CUT_SECONDS} s`]: (t, suite) =>
    cutTheWay(t, suite, 'held'),

  [`shows every line of a loop in which all connections are refused for ${CUT_SECONDS} s`]: (
    t,
    suite,
  ) => cutTheWay(t, suite, 'reset'),
};

async function cutTheWay(t: Cleaner, suite: Suite, how: 'held' | 'reset'): Promise<void> {
  const count = (CUT_SECONDS + 10) * 10;
  const place = await openPlace(t, suite, [PROCESS, loop(count), COUNT]);
  const { notebook, pages } = place;
  await notebook.runAll();
  await untilShown(notebook, /^line 5$/m, 1);
  await pages.way.cut({ kind: how });
  const seen = await watch(place, CUT_SECONDS);
  const words = seen.statuses.join(', ');
  await place.picture(`cut-${how}`);
  await pages.way.mend();
  await untilShown(notebook, /^ran \d+$/m, 2);
  await place.picture(`mended-${how}`);
  await assertComplete(place, count);
  assert.deepEqual(seen.dialogs, []);
  assert.doesNotMatch(words, /dead|disconnected|unknown|no kernel/i);
  assert.match(words, /connecting/i);
}

/** What the page says meanwhile, each once. */
async function watch({ notebook }: Place, seconds: number) {
  const statuses = new Set<string>();
  const dialogs = new Set<string>();
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    statuses.add(await notebook.kernelStatus());
    const dialog = await notebook.dialog();
    if (dialog !== undefined) dialogs.add(dialog);
    await delay(250);
  }
  return { statuses: [...statuses], dialogs: [...dialogs] };
}

/** The loop's lines in order, each once (or the lines of one message twice), and then the next cell, which ran once. */
async function assertComplete(
  { notebook }: Place,
  count: number,
  { mayRepeat = false } = {},
): Promise<void> {
  const [, lines, ran] = await notebook.outputs();
  const numbers = linesOf(lines).map((line) => Number(/^line (\d+)$/.exec(line)?.[1]));
  assert.equal(runsOf(mayRepeat ? withoutRepeat(numbers) : numbers), `0 to ${count - 1}`);
  assert.equal(ran, 'ran 1\n');
}

/** Without the lines that come a second time right behind the first, once and of one message. */
function withoutRepeat(numbers: readonly number[]): number[] {
  const at = numbers.findIndex((number, index) => index > 0 && number <= (numbers[index - 1] ?? 0));
  const repeated = (numbers[at - 1] ?? 0) - (numbers[at] ?? 0) + 1;
  if (at < 0 || repeated > LINES_OF_A_MESSAGE) return [...numbers];
  return [...numbers.slice(0, at), ...numbers.slice(at + repeated)];
}

/** Such as `0 to 7, 12 to 20`: hundreds of lines in a failure are read by nobody. */
function runsOf(numbers: readonly number[]): string {
  const starts = numbers.flatMap((number, index) =>
    index === 0 || number !== (numbers[index - 1] ?? 0) + 1 ? [index] : [],
  );
  return starts
    .map((start, at) => `${numbers[start]} to ${numbers[(starts[at + 1] ?? numbers.length) - 1]}`)
    .join(', ');
}

/** What ipykernel puts into one: it waits for more for a moment. */
const LINES_OF_A_MESSAGE = 5;

function loop(count: number): string {
  const lines = ['    print("line", line, flush=True)', '    time.sleep(0.1)'];
  return [`for line in range(${count}):`, ...lines].join('\n');
}

/** Goes on for as long as there is no such file. */
function loopUntil(file: string): string {
  const lines = ['    print("line", line, flush=True)', '    line += 1', '    time.sleep(0.1)'];
  return ['line = 0', `while not os.path.exists("${file}"):`, ...lines].join('\n');
}

function linesOf(output = ''): string[] {
  return output.split('\n').filter((line) => line !== '');
}

function numberIn(output: string): string | undefined {
  return /\d+/.exec(output)?.[0];
}
