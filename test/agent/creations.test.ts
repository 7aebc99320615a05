// What is asked for again because its answer was lost is made once, and nobody gets another's kernel.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { Creations } from '../../agent/creations.ts';
import { Gateway } from '../../agent/gateway.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { MachineClock } from './machine-clock.ts';
import { startScriptedGateway } from './scripted-gateway.ts';

describe('a kernel that is asked for again', { timeout: 60_000 }, () => {
  it('is the one that was made when the answer was lost, also by an agent that has started anew', async (t) => {
    const { script, ask, restart } = await start(t);
    script.newKernel();
    script.fates = ['lose'];
    await assert.rejects(ask('a', '/api/kernels', { name: 'python3' }));
    restart();
    assert.equal(await ask('a', '/api/kernels', { name: 'python3' }), 'k2');
    assert.equal(await ask('a', '/api/kernels', { name: 'python3' }), 'k2');
    assert.deepEqual(script.made, ['POST /api/kernels']);
  });

  it('is never the one of a notebook that was opened meanwhile', async (t) => {
    const { script, ask } = await start(t);
    script.fates = ['stall'];
    const lost = assert.rejects(ask('a', '/api/kernels', { name: 'python3' }));
    await until('it is asked for', () => script.stalled === 1);
    await ask('b', '/api/sessions', { path: 'f/b.ipynb' });
    script.hangUp();
    await lost;
    await assert.rejects(ask('a', '/api/kernels', { name: 'python3' }), /no sign of it yet/);
    // As long as it may still come nothing else is made in its place.
    script.finish();
    assert.equal(await ask('a', '/api/kernels', { name: 'python3' }), 'k2');
    assert.equal(script.kernels.length, 2);
  });

  it('is told apart from one of another kind', async (t) => {
    const { script, ask } = await start(t);
    script.fates = ['stall', 'lose'];
    const lost = assert.rejects(ask('a', '/api/kernels', { name: 'ir' }));
    await until('it is asked for', () => script.stalled === 1);
    await assert.rejects(ask('b', '/api/kernels', { name: 'python3' }));
    script.hangUp();
    await lost;
    await assert.rejects(ask('a', '/api/kernels', { name: 'ir' }), /no sign of it yet/);
    assert.equal(await ask('b', '/api/kernels', { name: 'python3' }), 'k1');
  });

  it('is not given at all when another request may have made it', async (t) => {
    const { script, ask } = await start(t);
    script.fates = ['stall', 'lose'];
    const first = assert.rejects(ask('a', '/api/kernels', { path: 'a' }));
    await until('it is asked for', () => script.stalled === 1);
    await assert.rejects(ask('b', '/api/kernels', { path: 'b' }));
    script.hangUp();
    await first;
    for (const key of ['a', 'b']) {
      await assert.rejects(ask(key, '/api/kernels', { path: key }), /more than one may be it/);
    }
    assert.equal(script.made.length, 2);
  });

  it('is not the one of a caller that asks at the same time', async (t) => {
    const { script, ask } = await start(t);
    script.fates = ['lose', 'stall'];
    await assert.rejects(ask('a', '/api/kernels', {}));
    const other = ask('b', '/api/kernels', {});
    await until('it is asked for', () => script.stalled === 1);
    await assert.rejects(ask('a', '/api/kernels', {}), /no sign of it yet/);
    script.finish();
    assert.equal(await other, 'k2');
    assert.equal(await ask('a', '/api/kernels', {}), 'k1');
  });

  it('is one for each of two that were lost', async (t) => {
    const { script, ask } = await start(t);
    script.fates = ['lose', 'lose'];
    const lost = ['a', 'b'].map((key) => assert.rejects(ask(key, '/api/kernels', {})));
    await Promise.all(lost);
    const found = await Promise.all(['a', 'b'].map((key) => ask(key, '/api/kernels', {})));
    assert.deepEqual(found.sort(), ['k1', 'k2']);
    assert.equal(script.kernels.length, 2);
  });

  it('is made when the gateway was started anew, or has shown nothing for two minutes', async (t) => {
    const { script, clock, ask } = await start(t);
    script.fates = ['stall', 'stall'];
    const lost = ['a', 'b'].map((key) => assert.rejects(ask(key, '/api/kernels', { name: key })));
    await until('both are asked for', () => script.stalled === 2);
    script.hangUp();
    await Promise.all(lost);
    await assert.rejects(ask('a', '/api/kernels', { name: 'a' }), /no sign of it yet/);
    script.started = 'later';
    assert.equal(await ask('a', '/api/kernels', { name: 'a' }), 'k1');
    script.started = '2026-01-01T00:00:00Z';
    clock.advance(120_000);
    assert.equal(await ask('b', '/api/kernels', { name: 'b' }), 'k2');
  });

  for (const seconds of [10, 1_000]) {
    it(`is made at once when the machine was booted anew, though asked for ${seconds} s after the boot before`, async (t) => {
      const { script, clock, ask, restart } = await start(t);
      // Then nothing else tells that what was on its way has ended.
      script.started = undefined;
      clock.advance(seconds * 1_000);
      script.fates = ['stall'];
      const lost = assert.rejects(ask('a', '/api/kernels', {}));
      await until('it is asked for', () => script.stalled === 1);
      script.hangUp();
      await lost;
      await assert.rejects(ask('a', '/api/kernels', {}), /no sign of it yet/);
      clock.boot();
      clock.advance(20_000);
      restart();
      assert.equal(await ask('a', '/api/kernels', {}), 'k1');
    });
  }

  it('is made at once when the gateway was not there to be asked', async (t) => {
    const { script, gateway, ask, use, absent } = await start(t);
    use({
      call: (method, path, body) => absent.call(method, path, body),
      read: (path) => gateway.read(path),
      startedAt: () => gateway.startedAt(),
    });
    await assert.rejects(ask('a', '/api/kernels', {}), /ECONNREFUSED/);
    use(gateway);
    assert.equal(await ask('a', '/api/kernels', {}), 'k1');
    assert.equal(script.made.length, 1);
  });
});

describe('a notebook session that is asked for again', { timeout: 60_000 }, () => {
  it('is not made a second time while the gateway makes it, whoever asks', async (t) => {
    const { script, ask, restart } = await start(t);
    script.fates = ['stall'];
    const lost = assert.rejects(ask('a', '/api/sessions', { path: 'f/n.ipynb' }));
    await until('it is asked for', () => script.stalled === 1);
    script.hangUp();
    await lost;
    restart();
    const again = () => ask('a', '/api/sessions', { path: 'f/n.ipynb' });
    const otherPage = () => ask('b', '/api/sessions', { path: 'f/n.ipynb' });
    await assert.rejects(again(), /no sign of it yet/);
    await assert.rejects(otherPage(), /may be on its way for this notebook/);
    assert.equal(await ask('c', '/api/sessions', { path: 'f/other.ipynb' }), 's0');
    script.finish();
    assert.equal(await again(), 's1');
    assert.equal(await otherPage(), 's1');
    assert.equal(script.kernels.length, 2);
  });

  it('gets another kernel once', async (t) => {
    const { script, ask } = await start(t);
    const session = await ask('a', '/api/sessions', { path: 'f/n.ipynb' });
    script.fates = ['lose'];
    const change = () => ask('b', `/api/sessions/${session}`, { kernel: { name: 'ir' } }, 'PATCH');
    await assert.rejects(change());
    assert.equal(await change(), session);
    assert.equal(await change(), session);
    assert.deepEqual(
      script.kernels.map(({ name }) => name),
      ['python3', 'ir'],
    );
  });
});

type Asked = ConstructorParameters<typeof Creations>[1];

async function start(t: TestContext) {
  const { script, gateway, tokenFile } = await startScriptedGateway(t);
  const quiet = { info: () => undefined, error: () => undefined };
  const absent = new Gateway('http://127.0.0.1:1', tokenFile, quiet);
  t.after(() => absent.close());
  const folder = temporaryFolder(t);
  const clock = new MachineClock();
  let creations = new Creations(folder, gateway, clock);
  const use = (other: Asked) => {
    creations = new Creations(folder, other, clock);
  };
  return {
    ...{ script, gateway, absent, clock, use },
    /** Another agent with the same disk. */
    restart: () => {
      use(gateway);
    },
    /** @returns the id of what was made */
    ask: async (key: string, path: string, body: object, method: 'POST' | 'PATCH' = 'POST') => {
      const bytes = Buffer.from(JSON.stringify(body));
      const answer = await creations.create({ key, method, path, body: bytes });
      return (JSON.parse(answer.body.toString()) as { id: string }).id;
    },
  };
}
