// A laptop that wakes up: its connections have died without a word, and are made anew at once.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { PassThrough, duplexPair } from 'node:stream';
import { describe, it } from 'node:test';
import { systemClock } from '../../client/clock.ts';
import { AgentLink } from '../../client/relay/agent-link.ts';
import { RELAY_TIMINGS } from '../../client/relay/timings.ts';
import { onWake } from '../../client/relay/wake.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/until.ts';

describe('a machine', () => {
  it('has slept when the time of day goes on and its timers do not', () => {
    const machine = watched();
    machine.clock.advance(60_000);
    assert.equal(machine.wakes(), 0);
    machine.sleep(8 * 3_600_000);
    machine.clock.advance(1_000);
    assert.equal(machine.wakes(), 1);
    machine.clock.advance(60_000);
    assert.equal(machine.wakes(), 1);
  });

  it('has not slept when its timers are a little late, or its clock is set back', () => {
    const machine = watched();
    machine.sleep(3_000);
    machine.clock.advance(2_000);
    machine.sleep(-3_600_000);
    machine.clock.advance(60_000);
    assert.equal(machine.wakes(), 0);
    machine.sleep(10_000);
    machine.clock.advance(1_000);
    assert.equal(machine.wakes(), 1);
  });

  it('is not watched any more in the end', () => {
    const machine = watched();
    machine.stop();
    machine.sleep(60_000);
    machine.clock.advance(60_000);
    assert.equal(machine.wakes(), 0);
  });
});

describe('the way to the agent', () => {
  it('is made anew when it is renewed: what is open ends, and what waits is tried', async () => {
    const clock = new ManualClock();
    const agent = { accessToken: 'secret', connect: () => Promise.resolve(new PassThrough()) };
    const onState = () => undefined;
    const link = new AgentLink({ agent, clock, onState, timings: RELAY_TIMINGS });
    let tries = 0;
    link.whenUp(() => (tries += 1));
    const open = await link.openStream();
    const closed = once(open, 'close');
    link.renew();
    await closed;
    assert.equal(tries, 1);
    const next = await link.openStream();
    assert.equal(next.destroyed, false);
    await link.close();
  });

  it('is asked again by what may be repeated when it is renewed, however long that has waited', async (t) => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      if (asked > 1) response.end('there');
    });
    const connect = () => {
      const [ours, theirs] = duplexPair();
      server.emit('connection', theirs);
      return Promise.resolve(ours);
    };
    const timings = { ...RELAY_TIMINGS, read: 0 };
    const agent = { accessToken: 'secret', connect };
    const link = new AgentLink({ agent, clock: systemClock, onState: () => undefined, timings });
    t.after(() => link.close());
    const call = { method: 'GET', path: '/api/kernels', headers: [] };
    const answer = link.insist(call, async ({ body }) => await body.text());
    await until('it is asked', () => asked === 1);
    link.renew();
    assert.equal(await answer, 'there');
  });
});

function watched() {
  const clock = new ManualClock();
  let slept = 0;
  let wakes = 0;
  const stop = onWake(
    clock,
    () => clock.now() + slept,
    () => (wakes += 1),
  );
  return {
    ...{ clock, stop },
    wakes: () => wakes,
    sleep: (milliseconds: number) => (slept += milliseconds),
  };
}
