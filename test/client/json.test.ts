// `--json`: one object a line and nothing else, for every command, whatever becomes of it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { image, session } from '../../functions/contract.ts';
import { runMain, type MainRun } from '../helpers/run-main.ts';
import { BUILD_FAILED, building, BUILT, world } from './screens-worlds.ts';

type Line = Record<string, unknown>;

function linesOf({ stdout }: MainRun): Line[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

describe('--json', () => {
  it('shows the API’s own objects: status, list, image status', async (t) => {
    const one = await runMain(t, ['status', '--name', 'train', '--json'], world());
    assert.deepEqual(
      linesOf(one).map((line) => session.parse(line).name),
      ['train'],
    );
    const all = await runMain(t, ['list', '--json'], world());
    assert.deepEqual(
      linesOf(all).map((line) => session.parse(line)),
      JSON.parse(JSON.stringify(world().sessions)),
    );
    const picture = await runMain(t, ['image', 'status', '--json'], world());
    assert.deepEqual(
      linesOf(picture).map((line) => image.parse(line).state),
      ['READY'],
    );
    assert.equal(one.stderr + all.stderr + picture.stderr, '');
  });

  it('prints stages, then what was done, with the session', async (t) => {
    const cases: [string[], string, boolean, string][] = [
      [['suspend', '--name', 'train'], 'suspended', true, 'SUSPENDED'],
      [['suspend', '--name', 'night'], 'suspended', false, 'SUSPENDED'],
      [['stop'], 'stopped', true, 'STOPPED'],
      [['stop', '--name', 'old'], 'stopped', false, 'STOPPED'],
      [['stop', '--name', 'train', '--yes'], 'stopped', true, 'STOPPED'],
      [['extend', '2h'], 'extended', true, 'READY'],
      [['delete', '--yes'], 'deleted', true, 'DELETING'],
    ];
    for (const [args, event, changed, state] of cases) {
      const run = await runMain(t, [...args, '--json'], world());
      const lines = linesOf(run);
      const last = lines.pop();
      assert.ok(lines.length > 0 && lines.every((line) => line['event'] === 'stage'));
      assert.deepEqual([last?.['event'], last?.['changed']], [event, changed], args.join(' '));
      assert.equal(session.parse(last?.['session']).state, state);
      assert.deepEqual([run.exitCode, run.stderr], [0, '']);
    }
  });

  it('prints the log of a build that is followed, then the image', async (t) => {
    const run = await runMain(t, ['image', 'build', '--logs', '--json'], building(BUILT));
    const lines = linesOf(run).filter((line) => line['event'] !== 'stage');
    const texts = lines.filter((line) => line['event'] === 'log').map((line) => line['text']);
    assert.deepEqual([texts[0], texts.at(-1)], ['Step 1/9 : FROM python', 'Pushed']);
    assert.equal(lines.at(-1)?.['event'], 'built');
    assert.equal(image.parse(lines.at(-1)?.['image']).state, 'READY');
  });

  it('prints a failure as an event with its exit code, usage included', async (t) => {
    const cases: [string[], RegExp][] = [
      [['statsu'], /unknown command 'statsu'\n\(Did you mean status\?\)/],
      [['list', '--jsno'], /Did you mean --json\?/],
      [['start', '--ui', 'proces'], /--ui proces: must be one of: container, process/],
      [['status', 'train'], /chosen with --name/],
      [['extend', '30'], /30 minutes are 30m/],
      [['status', '--name', 'tarin'], /no session named tarin/],
      [['delete'], /give --yes/],
      [['stop', '--name', 'train'], /1 busy.*give --yes/],
      [['suspend', '--name', 'old'], /only a session that is up/],
    ];
    for (const [args, message] of cases) {
      const run = await runMain(t, [...args, '--json'], world());
      const last = linesOf(run).at(-1);
      assert.deepEqual([last?.['event'], last?.['exitCode']], ['error', 1], args.join(' '));
      assert.match(String(last?.['message']), message);
      assert.deepEqual([run.exitCode, run.stderr], [1, '']);
    }
  });

  it('says why a build failed', async (t) => {
    const run = await runMain(t, ['image', 'build', '--json'], building(BUILD_FAILED));
    const last = linesOf(run).at(-1);
    assert.match(
      String(last?.['message']),
      /ended with FAILURE[^]*jupyter-server[^]*All of it: https/,
    );
    assert.equal(run.exitCode, 1);
  });
});
