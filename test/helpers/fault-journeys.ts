// The journeys in which one call fails once, in a backend that is warm and in one that has never done anything. Run in
// part by test/journeys, as a whole by test/soak.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { startFaultBackend } from './fault-backend.ts';
import {
  callsOfLife,
  casesOf,
  livesOf,
  liveWith,
  runLives,
  someOf,
  type FaultCase,
  type MadeCall,
} from './fault-cases.ts';
import { assertLived, countBuilds, live } from './whole-life.ts';

export interface Extent {
  /** Of everything that may happen to one call; undefined: all of it. */
  perCall?: number;
  /** See casesOf. */
  occurrences?: number;
  /** That fail in one stage of a life; undefined: one call fails in each life. */
  perStage?: number;
  lanes: number;
}

const SEED = 20_261;

/** Of a session whose image is there, in a backend that has its credentials already. */
export async function warmJourneys(t: TestContext, extent: Extent): Promise<void> {
  const lanes = await Promise.all(
    Array.from({ length: extent.lanes }, async () => {
      const backend = await startFaultBackend(t);
      await live(backend, { name: 'warm-up' });
      return backend;
    }),
  );
  const [first] = lanes;
  assert.ok(first);
  // Those that take longest first.
  const lives = [...lostInserts(), ...chosen(await callsOfLife(first, 'clean'), extent)];
  await runLives(t, lives, lanes, async (_, life, backend, name) => {
    await assertLived(backend, await liveWith(backend, life, name));
  });
}

/** What only a new backend asks for: credentials, certificates, the catalog, and an image that is missing. */
export async function firstJourneys(t: TestContext, extent: Extent): Promise<void> {
  const backend = await startFaultBackend(t, { seedGateway: false });
  const isFirst = await callsOfLife(backend, 'first');
  assert.equal(await countBuilds(backend), 1);
  const later = await callsOfLife(backend, 'later');
  await backend.emulator.end();
  const known = new Set(later.map(({ path }) => path));
  const calls = isFirst.filter(
    ({ stage, service, path }) =>
      stage === 'create' && (service === 'registry' || !known.has(path)),
  );
  const lanes = Array.from({ length: extent.lanes }, (_, lane) => lane);
  await runLives(t, chosen(calls, extent), lanes, async (child, life, _, name) => {
    const fresh = await startFaultBackend(child, { seedGateway: false });
    await assertLived(fresh, await liveWith(fresh, life, name));
    assert.equal(await countBuilds(fresh), 1);
  });
}

/** The insert gets lost, and then the look for what it may have made fails too. */
function lostInserts(): FaultCase[][] {
  const inCreate = { stage: 'create', service: 'compute', after: 0 } as const;
  const insert = { ...inCreate, method: 'POST', path: '/instances$' };
  const look = { ...inCreate, method: 'GET', path: '/aggregated/instances$' };
  return casesOf([look]).map((one) => [{ ...insert, fault: 'lost request' }, one]);
}

function chosen(calls: readonly MadeCall[], { perCall, occurrences, perStage }: Extent) {
  const all = casesOf(calls, occurrences);
  const cases = perCall === undefined ? all : someOf(all, perCall, SEED);
  return perStage === undefined ? cases.map((one) => [one]) : livesOf(cases, perStage);
}
