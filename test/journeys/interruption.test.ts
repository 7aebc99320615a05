// Ctrl-C in every stage, and programs killed without warning: no process is left, and the next start works.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { runClient, untilNoProcess, type RunningClient } from '../helpers/client.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { emulatorPid } from '../helpers/emulator-process.ts';

const STAGES = ['Programs', 'Emulator', 'Session', 'Tunnel', 'Notebooks'];

describe('a start that is interrupted', () => {
  for (const stage of STAGES) {
    for (const times of [1, 2]) {
      it(`leaves no process after Ctrl-C in the stage ${stage}${times === 2 ? ', pressed twice' : ''}`, async (t) => {
        if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
        const stateDir = temporaryFolder(t);
        const client = start(t, stateDir, temporaryFolder(t));
        await client.event(stage, (event) => event.stage === stage);
        for (let count = 0; count < times; count += 1) client.signal('SIGINT');
        // The tunnel takes milliseconds: by then it may be ready, and Ctrl-C is how a ready start ends.
        const end = await client.ended;
        const wasReady = client.events.some((event) => event.event === 'ready');
        assert.ok(end === 130 || (wasReady && end === 0), `ended with ${end}`);
        await untilNoProcess(stateDir);
      });
    }
  }
});

describe('a start whose programs are killed', { concurrency: true }, () => {
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
  for (const [victim, kill] of Object.entries(VICTIMS)) {
    it(`leaves no process when ${victim} is killed, and starts again`, async (t) => {
      if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
      const stateDir = temporaryFolder(t);
      const content = temporaryFolder(t);
      const client = start(t, stateDir, content);
      const ready = await client.ready();
      await run(ready.gateway, await newKernel(ready.gateway), '6*7');
      kill(client, stateDir);
      const end = await client.ended;
      if (victim === 'the emulator') assert.equal(end, 1, 'the client did not say that it failed');
      await untilNoProcess(stateDir);

      const again = start(t, stateDir, content);
      const { gateway, session } = await again.ready();
      assert.equal(session.id, ready.session.id);
      assert.equal((await run(gateway, await newKernel(gateway), '6*7')).trim(), '42');
      again.signal('SIGINT');
      assert.equal(await again.ended, 0);
      await untilNoProcess(stateDir);
    });
  }
});

function start(t: TestContext, stateDir: string, content: string): RunningClient {
  return runClient(t, stateDir, ['start', '--emulator', '--json', content]);
}
