import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Gateway } from '../../agent/gateway.ts';
import { Kernels } from '../../agent/kernels.ts';
import type { Log } from '../../agent/log.ts';
import { Watch } from '../../agent/watch.ts';
import { MachineClock } from './machine-clock.ts';

describe('looking for the gateway', () => {
  it('is done often while a session may wait for it, and not for ever', async () => {
    const clock = new MachineClock();
    let looks = 0;
    const isReady = () => {
      looks += 1;
      return Promise.resolve(false);
    };
    const watch = new Watch({
      gateway: { isReady } as unknown as Gateway,
      kernels: new Kernels(clock, () => undefined),
      clock,
      log: { info: () => undefined } as unknown as Log,
      onReadyChanged: () => undefined,
    });
    const looksIn = async (seconds: number) => {
      const before = looks;
      for (let tenth = 0; tenth < seconds * 10; tenth += 1) {
        clock.advance(100);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return looks - before;
    };
    watch.look();
    assert.ok((await looksIn(10)) >= 45);
    await looksIn(300);
    assert.ok((await looksIn(60)) <= 13);
    watch.stop();
  });
});
