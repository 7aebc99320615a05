// The journeys in which one call fails once, in a backend that is warm and in one that has never done anything. Run in
// part by test/journeys, as a whole by test/soak.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { startFaultBackend } from './fault-backend.ts';
import {
  callsOfLife,
  casesOf,
  liveWith,
  runCases,
  someOf,
  titleOf,
  type MadeCall,
} from './fault-cases.ts';
import { assertLived, countBuilds, live } from './whole-life.ts';

export interface Extent {
  /** Of everything that may happen to one call; undefined: all of it. */
  perCall?: number;
  /** See casesOf. */
  occurrences?: number;
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
  const cases = chosen(await callsOfLife(first, 'clean'), extent);
  await runCases(t, cases, lanes, async (_, one, backend, name) => {
    await assertLived(backend, await liveWith(backend, [one], name));
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
  await runCases(t, chosen(calls, extent), lanes, async (child, one, _, name) => {
    const fresh = await startFaultBackend(child, { seedGateway: false });
    await assertLived(fresh, await liveWith(fresh, [one], name));
    assert.equal(await countBuilds(fresh), 1);
  });
}

/** The insert gets lost, and then the look for what it may have made fails too. */
export async function lostInsertJourneys(t: TestContext): Promise<void> {
  const backend = await startFaultBackend(t);
  await live(backend, { name: 'warm-up' });
  const inCreate = { stage: 'create', service: 'compute', after: 0 } as const;
  const insert = { ...inCreate, method: 'POST', path: '/instances$' };
  const look = { ...inCreate, method: 'GET', path: '/aggregated/instances$' };
  for (const one of casesOf([look])) {
    const both = [{ ...insert, fault: 'lost request' } as const, one];
    await t.test(titleOf(one), async () => {
      await assertLived(
        backend,
        await liveWith(backend, both, `life-${one.fault.replace(' ', '-')}`),
      );
    });
  }
}

function chosen(calls: readonly MadeCall[], { perCall, occurrences }: Extent) {
  const all = casesOf(calls, occurrences);
  return perCall === undefined ? all : someOf(all, perCall, SEED);
}
