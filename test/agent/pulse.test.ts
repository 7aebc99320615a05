// When the machine has slept, as the beats tell it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pulse } from '../../agent/pulse.ts';
import { MachineClock } from './machine-clock.ts';

describe('the pulse', () => {
  for (const [seconds, wakes] of [
    [0, 0],
    [8, 0],
    [12, 1],
    [50 * 86_400, 1],
  ] as const) {
    it(`counts ${wakes} wakes when the machine has slept for ${seconds} s`, () => {
      const { clock, pulse } = start();
      clock.advance(60_500);
      clock.sleep(seconds * 1000);
      clock.advance(60_000);
      assert.equal(pulse.wakes, wakes);
    });
  }

  it('counts every wake, and tells of it before the beat', () => {
    const { clock, pulse, events } = start();
    for (let count = 0; count < 3; count += 1) {
      clock.sleep(3_600_000);
      clock.advance(1_000);
    }
    assert.equal(pulse.wakes, 3);
    assert.deepEqual(events, ['wake', 'beat', 'wake', 'beat', 'wake', 'beat']);
  });

  it('ends', () => {
    const { clock, pulse, events } = start();
    clock.advance(2_000);
    pulse.stop();
    clock.advance(60_000);
    assert.deepEqual(events, ['beat', 'beat']);
  });
});

function start() {
  const clock = new MachineClock();
  const events: string[] = [];
  const pulse = new Pulse({
    clock,
    onBeat: () => events.push('beat'),
    onWake: () => events.push('wake'),
  });
  pulse.start();
  return { clock, pulse, events };
}
