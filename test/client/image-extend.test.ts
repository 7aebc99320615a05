// `image extend`: which files it takes, what it sends, and what it says of the end.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { MAX_EXTENSION_BYTES } from '../../functions/contract.ts';
import { runMain } from '../helpers/run-main.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { BUILD_FAILED, building, BUILT, world } from './screens-worlds.ts';

async function extend(
  t: TestContext,
  content: string | Buffer | undefined,
  args: readonly string[] = ['--requirements', 'my packages.txt'],
  of = building(BUILT),
) {
  const cwd = temporaryFolder(t);
  if (content !== undefined) writeFileSync(path.join(cwd, 'my packages.txt'), content);
  mkdirSync(path.join(cwd, 'folder'));
  return await runMain(t, ['image', 'extend', ...args], of, () => ({ cwd }));
}

describe('image extend', () => {
  it('sends the file, waits for the build, and says who gets it', async (t) => {
    const run = await extend(t, '\ufeffscikit-learn\n');
    assert.equal(run.exitCode, 0, run.stderr);
    assert.match(
      run.stdout,
      /is extended: sha256:0123.*New sessions have it.*until they are deleted/s,
    );
    assert.deepEqual(
      run.api.bodies.filter((body) => body.startsWith('{')),
      ['{"requirements":"scikit-learn\\n"}'],
      'without the mark of an editor',
    );
    const other = await extend(t, 'FROM x\n', ['--dockerfile', 'my packages.txt', '--json']);
    const lines = other.stdout.trim().split('\n');
    const last = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
    assert.deepEqual([last['event'], last['changed']], ['built', true]);
    assert.ok(other.api.bodies.includes('{"dockerfile":"FROM x\\n"}'));
  });

  it('shows the log with --logs', async (t) => {
    const run = await extend(t, 'a', ['--requirements', 'my packages.txt', '--logs']);
    assert.match(run.stdout, /RUN pip install jupyter-server/);
  });

  it('says so when the image has it already', async (t) => {
    const run = await extend(t, 'a', undefined, world());
    assert.equal(run.exitCode, 0);
    assert.match(run.stdout, /is extended with this requirements file already/);
  });

  it('says why the build failed, and how to try again', async (t) => {
    const run = await extend(t, 'a', undefined, building(BUILD_FAILED));
    assert.equal(run.exitCode, 1);
    assert.match(run.stderr, /ended with FAILURE/);
    assert.match(run.stderr, /image extend --requirements 'my packages\.txt'\n$/);
  });

  const file = ['--requirements', 'my packages.txt'];
  const REFUSED: readonly [what: string, Parameters<typeof extend>[1], string[], RegExp][] = [
    ['no file', 'a', [], /give either --requirements FILE or --dockerfile FILE/],
    ['two', 'a', [...file, '--dockerfile', 'x'], /give either/],
    ['a file that is not there', undefined, file, /my packages\.txt cannot be read: ENOENT/],
    ['a folder', 'a', ['--dockerfile', 'folder'], /folder is a folder; give the file/],
    ['an empty file', ' \n', file, /is empty/],
    ['what is no text', Buffer.from([0x61, 0xff]), file, /is not text in UTF-8/],
    ['a NUL', 'a\0b', file, /holds a NUL/],
    ['too much', 'x'.repeat(MAX_EXTENSION_BYTES + 1), file, /larger than 65536 bytes/],
  ];
  for (const [what, content, args, message] of REFUSED) {
    it(`asks nobody for anything with ${what}`, async (t) => {
      const run = await extend(t, content, args);
      assert.equal(run.exitCode, 1);
      assert.match(run.stderr, message);
      assert.deepEqual(run.api.calls, []);
    });
  }
});
