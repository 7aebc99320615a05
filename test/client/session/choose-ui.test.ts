import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseUi, findUi } from '../../../client/session/choose-ui.ts';
import type { StartOptions } from '../../../client/session/start-options.ts';
import { testIo } from '../../helpers/client-io.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

describe('where the pages come from', () => {
  const both = [true, false];
  for (const ui of ['container', 'process', 'none'] as const) {
    it(`is what was asked for: ${ui}`, () => {
      for (const emulator of both)
        for (const hasEngine of both)
          for (const runtime of ['process', 'docker'] as const)
            assert.equal(chooseUi({ ui, emulator, runtime, hasEngine }), ui);
    });
  }

  for (const [emulator, runtime, hasEngine, expected] of [
    [false, 'process', true, 'container'],
    [false, 'process', false, 'process'],
    [true, 'process', true, 'process'],
    [true, 'process', false, 'process'],
    [true, 'docker', true, 'container'],
    [true, 'docker', false, 'process'],
  ] as const) {
    const cloud = emulator ? `the emulator's instances in ${runtime}` : 'a project';
    it(`is a ${expected} with ${cloud} ${hasEngine ? 'and' : 'without'} an engine`, () => {
      assert.equal(chooseUi({ ui: undefined, emulator, runtime, hasEngine }), expected);
    });
  }

  it('is found without Docker, unless Docker was asked for', async (t) => {
    const io = testIo({ env: { PATH: temporaryFolder(t) } });
    const options = { verb: 'start', ui: undefined } as unknown as StartOptions;
    assert.deepEqual(await findUi(options, io), { kind: 'process' });
    await assert.rejects(
      findUi({ ...options, ui: 'container' }, io),
      /--ui container needs a Docker engine\. Docker: there is no program `docker`.*--ui process/,
    );
  });
});
