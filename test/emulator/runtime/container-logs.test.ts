// What containers print, followed in their files: whole lines, once, and never more on the disk than is allowed.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { followContainers } from '../../../emulator/runtime/container-logs.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';

function prepare(t: TestContext) {
  const docker = temporaryFolder(t);
  const folder = path.join(docker, 'containers', 'one');
  const file = path.join(folder, 'log');
  const told: string[] = [];
  const follow = () => {
    const stop = followContainers(docker, (container, lines) => {
      assert.equal(container, 'one');
      told.push(...lines);
    });
    t.after(stop);
    return stop;
  };
  return { folder, file, told, follow };
}

describe('the output of a container', () => {
  it('is told line by line, once, also by whoever follows after an end', async (t) => {
    const { folder, file, told, follow } = prepare(t);
    const stop = follow();
    mkdirSync(folder, { recursive: true });
    appendFileSync(file, 'one\ntw');
    await until('a line is told', () => told.length === 1);
    appendFileSync(file, 'o\nthree\n');
    stop();
    assert.deepEqual(told, ['one', 'two', 'three']);
    appendFileSync(file, 'four\n');
    follow()();
    truncateSync(file);
    appendFileSync(file, 'five\n');
    follow()();
    assert.deepEqual(told, ['one', 'two', 'three', 'four', 'five']);
    rmSync(folder, { recursive: true });
    follow()();
  });

  it('does not fill the disk: what is too much is left out, and said', async (t) => {
    const { folder, file, told, follow } = prepare(t);
    mkdirSync(folder, { recursive: true });
    const lines = `${'x'.repeat(99)}\n`.repeat(10_000);
    for (let count = 0; count < 12; count += 1) appendFileSync(file, lines);
    appendFileSync(file, 'the last line\n');
    follow();
    await until('the end is told', () => told.at(-1) === 'the last line');
    await until('the file is emptied', () => statSync(file).size === 0);
    assert.match(told[0] ?? '', /^\(\d+ bytes are not kept here\)$/);
    assert.ok(told.length < 1000);
    appendFileSync(file, 'and on\n');
    await until('the next line is told', () => told.at(-1) === 'and on');
    assert.equal(readFileSync(file, 'utf8'), 'and on\n');
  });
});
