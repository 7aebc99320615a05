// What a help page or a mistyped word costs: the table of verbs and the parser, and nothing that talks to anybody.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { VERBS } from '../../client/verbs.ts';
import { PROGRAM } from '../helpers/client.ts';
import { runMain } from '../helpers/run-main.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { world } from './screens-worlds.ts';

const RECORDER = `
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
registerHooks({ load(url, context, next) { appendFileSync(process.env.LOADED_MODULES, url + '\\n'); return next(url, context); } });
`;

async function loadedModules(t: TestContext, args: readonly string[]): Promise<string[]> {
  const file = path.join(temporaryFolder(t), 'modules');
  const recorder = `data:text/javascript,${encodeURIComponent(RECORDER)}`;
  const env = { ...process.env, LOADED_MODULES: file };
  await promisify(execFile)(process.execPath, ['--import', recorder, PROGRAM, ...args], { env });
  return readFileSync(file, 'utf8').split('\n');
}

const packagesIn = (modules: readonly string[]) => [
  ...new Set(
    modules.flatMap((url) => /node_modules\/([^@/]+|@[^/]+\/[^/]+)\//.exec(url)?.[1] ?? []),
  ),
];

describe('help', () => {
  it('loads the parser and nothing that a command needs', async (t) => {
    const modules = await loadedModules(t, ['start', '--help']);
    assert.deepEqual(packagesIn(modules), ['commander']);
    assert.deepEqual(
      modules.filter((url) => url.includes('client/commands/')),
      [],
    );
  });

  it('is not loaded for the version', async (t) => {
    assert.deepEqual(packagesIn(await loadedModules(t, ['--version'])), []);
  });

  it('of a command is the same whichever way it is asked for', async (t) => {
    for (const { name } of VERBS) {
      const words = name.split(' ');
      const flag = await runMain(t, [...words, '--help'], world());
      const word = await runMain(t, ['help', ...words], world());
      assert.equal(word.stdout, flag.stdout);
      assert.equal(flag.exitCode, 0);
    }
  });

  it('on a command that is not there is an error with the nearest one', async (t) => {
    for (const args of [['help', 'lst'], ['lst', '--help'], ['lst']]) {
      const { exitCode, stdout, stderr } = await runMain(t, args, world());
      assert.deepEqual([exitCode, stdout], [1, '']);
      assert.match(stderr, /unknown command 'lst'\n\(Did you mean list\?\)/);
    }
    const group = await runMain(t, ['image', 'staus'], world());
    assert.match(group.stderr, /Did you mean status\?/);
  });

  it('names every flag of a command that is not hidden, and fits 80 columns', async (t) => {
    for (const verb of VERBS) {
      const { stdout } = await runMain(t, [...verb.name.split(' '), '--help'], world());
      for (const { spec, isHidden } of verb.flags) {
        assert.equal(stdout.includes(spec), isHidden !== true, `${verb.name} ${spec}`);
      }
      for (const { line, does } of verb.examples) assert.ok(stdout.includes(line) && does);
      assert.ok(stdout.split('\n').every((line) => line.length <= 80));
    }
  });
});
