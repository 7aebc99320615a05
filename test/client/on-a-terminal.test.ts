// `start` and `connect` as a person sees them: on a terminal, with the real program against one backend.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { columnsOf } from '../../client/output/terminal-text.ts';
import { startQuickCloud } from '../helpers/quick-cloud.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { CTRL_C, ENTER, runOnTerminal, type TerminalOptions } from '../helpers/pseudo-terminal.ts';
import { until } from '../helpers/until.ts';

const cloud = await startQuickCloud({ after } as unknown as Pick<TestContext, 'after'>);
const PYTHON = '/usr/bin/python3';

function connect(t: TestContext, name: string, options: TerminalOptions = {}) {
  const DATALAB_STATE_DIR = temporaryFolder(t);
  const env = { ...cloud.env, DATALAB_STATE_DIR, ...options.env };
  return runOnTerminal(t, ['connect', '--name', name, temporaryFolder(t)], { ...options, env });
}

// Side by side: both wait for the next look of their clients, of which there is one every 15 s.
describe('on a terminal', { concurrency: true }, () => {
  it('a session that sleeps is woken with Enter, and Ctrl-C says how to come back', async (t) => {
    if (!requireProgram(t, PYTHON)) return;
    const terminal = connect(t, 'sleepy');
    await terminal.shows(/READY · no kernels · connected · sleeps in 30 min$/);
    assert.equal(terminal.cursorLine(), '');
    // Typed while nobody is asked for anything: not an answer to what is asked later.
    terminal.type(ENTER);
    await cloud.ask('sleepy', 'POST', ':suspend');
    await terminal.shows(
      /SUSPENDED · press Enter to wake it, Ctrl-C to end · kernels and variables/,
    );
    await until('it stays asleep', async () => (await cloud.find('sleepy'))?.state === 'SUSPENDED');
    // A moment later an Enter is meant.
    await until('it wakes', async () => {
      terminal.type(ENTER);
      return (await cloud.find('sleepy'))?.want === 'running';
    });
    await terminal.shows(/SUSPENDED[^]*READY · no kernels · connected · sleeps in \d+ min$/);
    await cloud.ask('sleepy', 'POST', ':stop');
    await terminal.shows(
      /STOPPED · press Enter to start it, Ctrl-C to end · files kept, kernels gone/,
    );
    terminal.type(CTRL_C);
    assert.equal(await terminal.ended, 0);
    assert.match(
      terminal.text(),
      /Session sleepy is STOPPED: files kept, kernels gone\.\nCome back/,
    );
    assert.equal(terminal.cursorLine(), '');
  });

  it('one that somebody deletes is the end, and a failure', async (t) => {
    if (!requireProgram(t, PYTHON)) return;
    const terminal = connect(t, 'doomed');
    await terminal.shows(/READY/);
    await cloud.ask('doomed', 'DELETE');
    assert.equal(await terminal.ended, 1);
    assert.match(terminal.text(), /datalab-client: Session doomed (is being|was) deleted/);
  });
});

describe('the window of a terminal', () => {
  it('keeps what it draws in place, whatever becomes of the window', async (t) => {
    if (!requireProgram(t, PYTHON)) return;
    cloud.muteBoots(true);
    t.after(() => {
      cloud.muteBoots(false);
    });
    const terminal = connect(t, 'resized', { columns: 120 });
    await terminal.shows(/Gateway +\d+\.\d s {2}BOOTING: the instance to boot and pull its images/);
    for (const columns of [40, 20, 63, 120]) {
      terminal.resize(columns, 30);
      await terminal.shows(columns < 50 ? /Gateway \d/ : /Gateway {5}/);
    }
    terminal.type(CTRL_C);
    assert.equal(await terminal.ended, 130);
    assert.match(terminal.text(), /Session resized is BOOTING and goes on without you/);
    const rows = terminal.text().match(/^. (Sign-in|Session|Instance|Gateway) /gm);
    assert.deepEqual(
      rows?.map((row) => row.slice(2).trim()),
      ['Sign-in', 'Session', 'Instance', 'Gateway'],
      terminal.text(),
    );
    await cloud.ask('resized', 'DELETE');
  });

  it('fits 20 columns, and a second Ctrl-C ends at once on a line of its own', async (t) => {
    if (!requireProgram(t, PYTHON)) return;
    const terminal = connect(t, 'narrow', { columns: 20 });
    await terminal.shows(/READY · no kernels…/);
    const line = terminal.text().split('\n').at(-1) ?? '';
    assert.ok(columnsOf(line) < 20, line);
    terminal.type(CTRL_C + CTRL_C);
    assert.ok([0, 130].includes(await terminal.ended));
    assert.equal(terminal.cursorLine().replace(/^(\^C)*/, ''), '');
  });
});

describe('the browser of a start', () => {
  it('gets a page that only its user can read, and no token in its arguments', async (t) => {
    if (!requireProgram(t, PYTHON) || !requireProgram(t, '/usr/bin/jupyter-notebook')) return;
    const folder = temporaryFolder(t);
    const browser = path.join(folder, 'browser');
    const seen = path.join(folder, 'seen');
    writeFileSync(
      browser,
      `#!/bin/bash\necho "$@" >${seen}.new; cat "$2" >>${seen}.new; stat -c %a "$2" >>${seen}.new; mv ${seen}.new ${seen}\n`,
    );
    chmodSync(browser, 0o755);
    const terminal = start(t, { BROWSER: `/not/there:${browser} --new %s` });
    await terminal.shows(/Notebooks: http/);
    const [args = '', page = '', mode] = await until('it is opened', () => {
      try {
        return readFileSync(seen, 'utf8').split('\n');
      } catch {
        return undefined;
      }
    });
    const token = /token=(\S+)/.exec(terminal.text())?.[1] ?? '';
    assert.match(args, /^--new \/.*\.html$/);
    assert.ok(!args.includes(token));
    assert.match(page, new RegExp(`url=http://127.0.0.1:\\d+/\\w+\\?token=${token}"`));
    assert.equal(mode, '600');
    terminal.type(CTRL_C);
    assert.equal(await terminal.ended, 0);
    assert.doesNotMatch(terminal.text(), /No browser/);
  });

  function start(t: TestContext, more: Record<string, string>) {
    const nothing = { BROWSER: '', DISPLAY: '', WAYLAND_DISPLAY: '', WSL_DISTRO_NAME: '' };
    const env = { ...cloud.env, ...nothing, DATALAB_STATE_DIR: temporaryFolder(t), ...more };
    return runOnTerminal(t, ['start', '--name', 'pages', temporaryFolder(t)], { env });
  }
});
