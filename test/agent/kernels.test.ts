// What the agent knows of kernels when the machine's wall clock is set.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Kernels } from '../../agent/kernels.ts';
import { MachineClock } from './machine-clock.ts';

const HOUR = 3_600_000;

describe('a wall clock that is set', () => {
  for (const jump of [-HOUR, HOUR]) {
    it(`by ${jump / HOUR} h keeps no kernel from being noticed as gone`, () => {
      const { clock, kernels, list } = start();
      list(['k']);
      clock.set(jump);
      clock.advance(1_000);
      list([]);
      assert.deepEqual(kernels.activities(), []);
    });

    it(`by ${jump / HOUR} h changes nothing in how long a kernel has been idle`, () => {
      const { clock, kernels } = start();
      kernels.channelOpened('k');
      clock.advance(60_000);
      clock.set(jump);
      clock.advance(60_000);
      assert.equal(kernels.activities()[0]?.idleSeconds, 120);
    });

    it(`by ${jump / HOUR} h does not hide that a request is over`, () => {
      const { clock, kernels, list } = start();
      kernels.channelOpened('k');
      kernels.request('k', { channel: 'shell', type: 'execute_request', id: 'a' });
      const parent = { type: 'execute_request', id: 'a', isSubshell: false };
      kernels.answer('k', { channel: 'shell', type: 'execute_reply', id: 'b', parent });
      clock.set(jump);
      clock.advance(1_000);
      list(['k']);
      assert.equal(kernels.isAnyAtWork, false);
    });
  }
});

function start() {
  const clock = new MachineClock();
  const kernels = new Kernels(clock, () => undefined);
  const list = (ids: string[]) => {
    const askedAt = clock.sinceBoot();
    clock.advance(10);
    const known = { name: 'python3', executionState: 'idle', lastActivity: clock.now() };
    kernels.listed(
      ids.map((id) => ({ id, ...known })),
      askedAt,
    );
  };
  return { clock, kernels, list };
}
