// Journeys during which the backend's functions are killed at random moments. Run in part by test/journeys, longer by
// test/soak.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PROJECT, request, signIn } from '../emulator/cloud-fixture.ts';
import type { Backend } from './backend.ts';
import { startFaultBackend } from './fault-backend.ts';
import { FUNCTIONS, killFunction } from './function-process.ts';
import { randomNumbers } from './random-numbers.ts';
import { assertLived, countBuilds, live } from './whole-life.ts';

export interface KilledExtent {
  seed: number;
  /** That live at once. */
  sessions: number;
  /** The emulator starts a function again ever later: more than a few take minutes. */
  kills: number;
}

/** Between two of them: as long as a few calls to Google take. */
const LONGEST_PAUSE_MILLISECONDS = 900;

export async function killedJourneys(t: TestContext, extent: KilledExtent): Promise<void> {
  const { seed, sessions, kills } = extent;
  const backend = await startFaultBackend(t, { seedGateway: false });
  const names = Array.from({ length: sessions }, (_, index) => `life-${index}`);
  const lives = Promise.all(names.map((name) => live(backend, { name })));
  const [ids, killed] = await Promise.all([lives, killSome(backend, seed, kills)]);
  assert.ok(killed >= 1, `${killed} killed`);
  for (const id of ids) await assertLived(backend, id);
  assert.equal(await countBuilds(backend), 1);
}

/** The API more often than the others; what it does is what everything waits for. */
async function killSome(backend: Backend, seed: number, kills: number): Promise<number> {
  const random = randomNumbers(seed);
  const victims = ['api', ...FUNCTIONS] as const;
  let killed = 0;
  for (let count = 0; count < kills; count += 1) {
    await reap(backend);
    await delay(1 + random(LONGEST_PAUSE_MILLISECONDS));
    const victim = victims[random(victims.length)] ?? 'api';
    if (killFunction(backend.stateDir, victim)) killed += 1;
  }
  return killed;
}

/** As the scheduler does every minute; it does not wait for the end. */
async function reap({ emulator }: Backend): Promise<void> {
  const { access_token: token } = await signIn(emulator.ready.credentials);
  const jobs = `${emulator.ready.urls.oidc}/v1/projects/${PROJECT}/locations/us-central1/jobs`;
  const { status } = await request('POST', `${jobs}/datalab-reap-idle:run`, {}, token);
  assert.equal(status, 200);
}
