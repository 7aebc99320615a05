// An instance that boots, with Jupyter, though questions of its own to the metadata server fail once. Run in part by
// test/journeys, as a whole by test/soak.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { startBackend, type Backend } from './backend.ts';
import { FAULTS, type FaultName } from './fault-cases.ts';
import { requireProgram } from './requires.ts';
import { create, patiently, reach } from './whole-life.ts';

/** What vm-startup.sh, the docker that it runs, and the agent ask for. */
export const QUESTIONS = [
  'name',
  'network-interfaces/0/ip',
  'attributes/',
  'attributes/datalab-gateway-address',
  'attributes/datalab-gateway-image',
  'attributes/datalab-agent-image',
  'attributes/datalab-session',
  'attributes/datalab-api-url',
  'service-accounts/default/token',
  'service-accounts/default/identity',
] as const;
export type Question = (typeof QUESTIONS)[number];

export interface FaultyBoot {
  title: string;
  faults: readonly (readonly [Question, FaultName])[];
}

/** Boots again and again: each boot is a test of its own. */
export async function bootThrough(t: TestContext, boots: readonly FaultyBoot[]): Promise<void> {
  if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
  const backend = await startBackend(t);
  const { you } = backend;
  // The backend has its tokens from here on, so that the faults are the instance's.
  const { id } = await create(you, 'default');
  await reach(you, id, 'READY');
  for (const { title, faults } of boots) {
    await t.test(title, async () => {
      await patiently(you, 'POST', `/v1/sessions/${id}:stop`);
      await reach(you, id, 'STOPPED');
      await armEach(backend, faults);
      await patiently(you, 'POST', `/v1/sessions/${id}:start`);
      await reach(you, id, 'READY');
      const { rules } = await backend.control('GET', '/faults');
      assert.deepEqual(
        (rules as { hit: number }[]).filter(({ hit }) => hit !== 1),
        [],
        'every question was asked',
      );
    });
  }
}

async function armEach(backend: Backend, faults: FaultyBoot['faults']): Promise<void> {
  const rules = faults.map(([question, fault]) => ({
    service: 'metadata',
    path: `/instance/${question}$`,
    ...FAULTS[fault],
  }));
  await backend.control('DELETE', '/faults');
  await backend.control('POST', '/faults', rules);
}
