// Ctrl-C in every stage, and programs killed without warning: no process is left, and the next start works.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { runClient, untilNoProcess, type RunningClient } from '../helpers/client.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { emulatorPid } from '../helpers/emulator-process.ts';

const STAGES = ['Programs', 'Emulator', 'Session', 'Tunnel', 'Notebooks'];

const VICTIMS: Record<string, (client: RunningClient, stateDir: string) => void> = {
  'the client': (client) => {
    client.signal('SIGKILL');
  },
  'the emulator': (_, stateDir) => {
    process.kill(emulatorPid(stateDir), 'SIGKILL');
  },
  'client and emulator': (client, stateDir) => {
    const pid = emulatorPid(stateDir);
    client.signal('SIGKILL');
    process.kill(pid, 'SIGKILL');
  },
};

// Side by side: they wait for machines to boot.
describe('a start', { concurrency: true }, () => {
  it('leaves no process when its programs are killed, whichever, and starts again', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const stateDir = temporaryFolder(t);
    const content = temporaryFolder(t);
    let client = start(t, stateDir, content);
    const { session: first } = await client.ready();
    for (const [victim, kill] of Object.entries(VICTIMS)) {
      await t.test(`${victim} is killed`, async () => {
        kill(client, stateDir);
        const end = await client.ended;
        if (victim === 'the emulator')
          assert.equal(end, 1, 'the client did not say that it failed');
        await untilNoProcess(stateDir);

        client = start(t, stateDir, content);
        const { gateway, session } = await client.ready();
        assert.equal(session.id, first.id);
        assert.equal((await run(gateway, await newKernel(gateway), '6*7')).trim(), '42');
      });
    }
    client.signal('SIGINT');
    assert.equal(await client.ended, 0);
    await untilNoProcess(stateDir);
  });

  for (const times of [1, 2]) {
    const how = times === 1 ? 'that is interrupted' : 'that is interrupted twice';
    describe(how, { concurrency: 1 }, () => {
      for (const stage of STAGES) {
        it(`leaves no process after Ctrl-C in the stage ${stage}`, async (t) => {
          if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
          await interrupt(t, stage, times);
        });
      }
    });
  }
});

async function interrupt(t: TestContext, stage: string, times: number): Promise<void> {
  const stateDir = temporaryFolder(t);
  const client = start(t, stateDir, temporaryFolder(t));
  await client.event(stage, (event) => event.stage === stage);
  for (let count = 0; count < times; count += 1) client.signal('SIGINT');
  // The tunnel takes milliseconds: by then it may be ready, and Ctrl-C is how a ready start ends.
  const end = await client.ended;
  const wasReady = client.events.some((event) => event.event === 'ready');
  assert.ok(end === 130 || (wasReady && end === 0), `ended with ${end}`);
  await untilNoProcess(stateDir);
}

function start(t: TestContext, stateDir: string, content: string): RunningClient {
  return runClient(t, stateDir, ['start', '--emulator', '--json', content]);
}
