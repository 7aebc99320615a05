// Job control on a real terminal: a shell that is typed into.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const KEYBOARD = path.join(import.meta.dirname, '../../client/keyboard.ts');
const CTRL_Z = '\x1a';

describe('waiting for Enter', () => {
  it('leaves the keyboard to the shell in the background, and goes on in the foreground', async (t) => {
    if (!requireProgram(t, '/usr/bin/python3')) return;
    const { type, says, state } = await inShell(t);
    await until('it reads', () => says('reads'));
    type(CTRL_Z);
    await until('it is stopped', () => state() === 'T');
    type('bg\n');
    await until('it does not read', () => says('rests'));
    type('echo to the shell\n\n');
    type('fg\n');
    await until('it reads again', () => says('reads'));
    assert.notEqual(state(), 'T');
    await until('it hears Enter', () => {
      type('\n');
      return says('Enter');
    });
  });
});

/** A shell on a terminal, and in it a program that writes down what it does. */
async function inShell(t: TestContext) {
  const folder = temporaryFolder(t);
  const [program, word] = [path.join(folder, 'program.mjs'), path.join(folder, 'word')];
  writeFileSync(
    program,
    `import { writeFileSync } from 'node:fs';
    import { onEnter } from ${JSON.stringify(KEYBOARD)};
    let heard = '';
    const io = { stdin: process.stdin, elapsed: () => performance.now() };
    onEnter(io, () => (heard = 'Enter'));
    setInterval(() => {
      const does = heard || (process.stdin.isPaused() ? 'rests' : 'reads');
      writeFileSync(${JSON.stringify(word)}, process.pid + ' ' + does);
    }, 50);`,
  );
  const driver = path.join(import.meta.dirname, '../helpers/pseudo-terminal.py');
  const command = [driver, '80', '24', '/bin/bash', '--norc', '--noprofile', '-i'];
  const shell = spawn('/usr/bin/python3', command, { stdio: ['pipe', 'ignore', 'ignore', 'pipe'] });
  for (const pipe of shell.stdio) pipe?.on('error', () => undefined);
  const type = (keys: string) => shell.stdin?.write(keys);
  const [pid = () => '', does = () => ''] = [0, 1].map(
    (index) => () => readFileSync(word, 'utf8').split(' ')[index] ?? '',
  );
  type(`'${process.execPath}' '${program}'\n`);
  await until('it runs', () => {
    try {
      return pid() !== '';
    } catch {
      return false;
    }
  });
  const id = Number(pid());
  t.after(async () => {
    process.kill(id, 'SIGKILL');
    shell.kill('SIGTERM');
    await once(shell, 'close');
  });
  const state = () => /\) (\w)/.exec(readFileSync(`/proc/${id}/stat`, 'utf8'))?.[1];
  return { type, state, says: (wanted: string) => does() === wanted };
}
