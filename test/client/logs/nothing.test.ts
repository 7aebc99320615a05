import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runMain } from '../../helpers/run-main.ts';
import { world } from '../screens-worlds.ts';

describe('a log with nothing in it', () => {
  it('names another command that can be run as it stands', async (t) => {
    const run = await runMain(t, ['logs', 'build', '--name', 'train', '--zone', 'europe-west1-b'], {
      ...world(),
      buildLog: [],
    });
    const [, command = ''] = /datalab-client (image status.*)$/m.exec(run.stderr) ?? [];
    assert.equal(command, 'image status --zone europe-west1-b');
    assert.equal((await runMain(t, command.split(' '), world())).exitCode, 0);
  });
});
