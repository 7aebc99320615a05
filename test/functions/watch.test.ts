// The long poll: answers what is newer, drives progress, and leaves observing to one of many.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { Clock } from '../../functions/clock.ts';
import { changeSession } from '../../functions/change.ts';
import { withReport } from '../../functions/agent-report.ts';
import { watchSession } from '../../functions/watch.ts';
import { create, driveTo } from './drive.ts';
import { createWorld, type World } from './world.ts';

const forever = new AbortController().signal;

function countObservations(world: World): () => number {
  let count = 0;
  const { compute } = world;
  const original = compute.getInstance.bind(compute);
  compute.getInstance = (zone, name) => {
    count += 1;
    return original(zone, name);
  };
  return () => count;
}

async function bootingSession(world: World) {
  const { id } = await create(world);
  const record = await driveTo(world, id, 'BOOTING', { isAgentAlive: false });
  return { id, revision: record?.revision ?? 0 };
}

describe('a request that waits for news', () => {
  it('sees operations end without anybody else looking', async () => {
    using world = createWorld();
    let { id, revision, state } = await create(world);
    while (state !== 'BOOTING') {
      const options = { afterRevision: revision, waitSeconds: 45, signal: forever };
      const record = await watchSession(id, options, world.deps);
      assert.ok(record && record.revision > revision);
      ({ uid: id, revision } = record);
      state = record.instance?.status === 'RUNNING' ? 'BOOTING' : state;
    }
  });

  it('looks every interval, and answers what there is when its time is over', async () => {
    using world = createWorld();
    const { id, revision } = await bootingSession(world);
    const observations = countObservations(world);
    const start = world.clock.now();
    const options = { afterRevision: revision, waitSeconds: 20, signal: forever };
    const record = await watchSession(id, options, world.deps);
    assert.equal(record?.revision, revision);
    assert.equal(world.clock.now() - start, 20_000);
    assert.ok(observations() >= 8 && observations() <= 10, `${observations()} observations`);
  });

  it('reads what somebody else observes, and answers at the change', async () => {
    using world = createWorld();
    const { id, revision } = await bootingSession(world);
    const observations = countObservations(world);
    await world.store.takeLease(id, 'another', 0, Number.MAX_SAFE_INTEGER);
    const options = { afterRevision: revision, waitSeconds: 45, signal: forever };
    const waiting = [1, 2, 3].map(() => watchSession(id, options, world.deps));
    const report = { bootId: 'b', wake: 0, sequence: 1, gatewayReady: true, kernels: [] };
    await changeSession(id, (record, now) => withReport(record, report, now), world.deps);
    for (const record of await Promise.all(waiting)) assert.ok((record?.revision ?? 0) > revision);
    assert.equal(observations(), 0);
  });

  it('hears at once of what is saved in this process', async () => {
    using world = createWorld();
    const { id, revision } = await bootingSession(world);
    await world.store.takeLease(id, 'another', 0, Number.MAX_SAFE_INTEGER);
    const pausing = Promise.withResolvers<undefined>();
    // Time stands still: only the news ends the pause.
    const stopped: Clock = {
      now: () => world.clock.now(),
      sleep: async (_, signal) => {
        pausing.resolve(undefined);
        if (signal && !signal.aborted) await once(signal, 'abort');
      },
    };
    const options = { afterRevision: revision, waitSeconds: 45, signal: forever };
    const waiting = watchSession(id, options, { ...world.deps, clock: stopped });
    await pausing.promise;
    const report = { bootId: 'b', wake: 0, sequence: 1, gatewayReady: true, kernels: [] };
    await changeSession(id, (record, now) => withReport(record, report, now), world.deps);
    assert.ok(((await waiting)?.revision ?? 0) > revision);
  });

  it('takes over from an observer that has died, when its lease is over', async () => {
    using world = createWorld();
    const { id, revision } = await bootingSession(world);
    const observations = countObservations(world);
    const now = world.clock.now();
    await world.store.takeLease(id, 'dead', now, now + 20_000);
    const wait = { afterRevision: revision, signal: forever };
    await watchSession(id, { ...wait, waitSeconds: 19 }, world.deps);
    assert.equal(observations(), 0);
    await watchSession(id, { ...wait, waitSeconds: 19 }, world.deps);
    assert.ok(observations() > 0);
  });

  it('gives the lease back, so that the next one can look', async () => {
    using world = createWorld();
    const { id, revision } = await bootingSession(world);
    const options = { afterRevision: revision, waitSeconds: 1, signal: forever };
    await watchSession(id, options, world.deps);
    assert.equal(await world.store.takeLease(id, 'next', world.clock.now(), 1), true);
  });

  it('ends when the caller has gone', async () => {
    using world = createWorld();
    const { id, revision } = await bootingSession(world);
    const start = world.clock.now();
    const options = { afterRevision: revision, waitSeconds: 45, signal: AbortSignal.abort() };
    await watchSession(id, options, world.deps);
    assert.ok(world.clock.now() - start < 5000);
  });
});
