// The agent on somebody's own machine: without an API, with a token from a file, and with an end of its own.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startAgent } from '../../agent/main.ts';
import { DeadMan } from '../../agent/dead-man.ts';
import { Owner } from '../../agent/owner.ts';
import { kernelActivity } from '../../functions/contract.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { MachineClock } from './machine-clock.ts';
import { startScriptedGateway } from './scripted-gateway.ts';

const EMPTY_SECONDS = 600;
const TOKEN = 'the-access-token';

describe('an agent without a backend', { timeout: 60_000 }, () => {
  it('asks for the token of its file, and tells who has it what the kernels do', async (t) => {
    const { ask, pass, script } = await start(t);
    assert.equal((await ask('/datalab/activity', 'Bearer wrong')).status, 401);
    assert.equal((await ask('/api/kernelspecs')).status, 200);
    script.newKernel();
    const activity = async () => {
      await pass(1);
      const answer = await ask('/datalab/activity');
      assert.equal(answer.status, 200);
      return (await answer.json()) as { gatewayReady: boolean; kernels: unknown[] };
    };
    await until('the gateway is ready', async () => (await activity()).gatewayReady);
    await until('the kernel is known', async () => (await activity()).kernels.length === 1);
    kernelActivity.parse((await activity()).kernels[0]);
  });

  it('does not start with an empty token', async (t) => {
    await assert.rejects(start(t, ' \n'), /ACCESS_TOKEN_FILE .* is empty/);
  });

  it('ends, and the gateway before it, when there is no kernel and nobody has asked for ten minutes', async (t) => {
    const { ask, pass, script, isOff } = await start(t);
    await pass(EMPTY_SECONDS - 10);
    await ask('/api/kernels');
    await pass(EMPTY_SECONDS - 10);
    assert.deepEqual(script.made, []);
    await pass(60);
    await until('it is off', isOff);
    assert.deepEqual(script.made, ['POST /api/shutdown']);
  });

  it('stays when a client asks in the very moment in which it looks for the last time', async (t) => {
    const { ask, pass, script, log, isOff } = await start(t);
    while (!log.includes('unattended')) await pass(1);
    await ask('/api/kernels');
    await pass(30);
    assert.deepEqual(script.made, []);
    assert.equal(isOff(), false);
  });

  it('ends also when the gateway is not there to be ended', async (t) => {
    const { pass, isOff } = await start(t, TOKEN, 'http://127.0.0.1:1');
    await pass(EMPTY_SECONDS + 60);
    await until('it is off', isOff);
  });
});

describe('how long nobody need be there', () => {
  it('is ten minutes from the last request while there is no kernel', () => {
    const { owner, deadMan, clock } = rules(undefined, []);
    clock.advance(590_000);
    owner.asked();
    clock.advance(590_000);
    owner.beat();
    assert.equal(deadMan.isDue(clock.awake()), false);
    clock.advance(10_000);
    assert.equal(deadMan.isDue(clock.awake()), true);
  });

  it('has no end while there is a kernel, unless the owner has set one', () => {
    const { owner, deadMan, clock } = rules(undefined, ['k']);
    clock.advance(30 * 86_400_000);
    owner.beat();
    assert.equal(deadMan.isDue(clock.awake()), false);
  });

  it('is what the owner has set, from the kernels’ last work; asking for them is none', () => {
    const { owner, deadMan, clock } = rules(7200, ['k']);
    clock.advance(7_199_000);
    owner.asked();
    owner.beat();
    assert.equal(deadMan.isDue(clock.awake()), false);
    clock.advance(1000);
    assert.equal(deadMan.isDue(clock.awake()), true);
  });

  it('changes with the kernels', () => {
    const { owner, deadMan, clock, livingIds } = rules(undefined, ['k']);
    clock.advance(86_400_000);
    livingIds.pop();
    owner.asked();
    owner.beat();
    assert.equal(deadMan.isDue(clock.awake()), false);
    clock.advance(EMPTY_SECONDS * 1000);
    assert.equal(deadMan.isDue(clock.awake()), true);
  });
});

function rules(idleSeconds: number | undefined, livingIds: string[]) {
  const clock = new MachineClock();
  const deadMan = new DeadMan(clock.awake());
  const role = { kind: 'owner', accessTokenFile: '', idleSeconds } as const;
  const owner = new Owner({ role, deadMan, kernels: { livingIds }, clock });
  return { owner, deadMan, clock, livingIds };
}

/** With a clock that the test turns, in front of a gateway without kernels. */
async function start(t: TestContext, token = TOKEN, gatewayUrl?: string) {
  const { script, url, tokenFile } = await startScriptedGateway(t);
  const folder = temporaryFolder(t);
  const accessTokenFile = path.join(folder, 'access-token');
  writeFileSync(accessTokenFile, token);
  const clock = new MachineClock();
  const events: string[] = [];
  const log = { info: (event: string) => events.push(event), error: () => undefined };
  const agent = await startAgent(
    {
      ...{ address: '127.0.0.1', port: 0, gatewayUrl: gatewayUrl ?? url },
      ...{ gatewayTokenFile: tokenFile, stateDir: folder, logBytes: 256 * 1_048_576 },
      role: { kind: 'owner', accessTokenFile, idleSeconds: undefined },
    },
    { clock, log, random: () => 0, version: '1.2.3' },
  );
  t.after(() => agent.stop());
  let hasEnded = false;
  void agent.switchedOff.then(() => {
    hasEnded = true;
  });
  return {
    script,
    log: events,
    ask: (where: string, authorization = `Bearer ${TOKEN}`) =>
      fetch(`http://127.0.0.1:${agent.port}${where}`, { headers: { authorization } }),
    /** The clock goes on, and so does what was sent meanwhile. */
    pass: async (seconds: number) => {
      for (let passed = 0; passed < seconds && !hasEnded; passed += 1) {
        clock.advance(1000);
        await delay(1);
      }
    },
    isOff: () => {
      clock.advance(1000);
      return hasEnded;
    },
  };
}
