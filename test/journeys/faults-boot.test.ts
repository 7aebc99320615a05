// An instance that boots, with Jupyter, though every one of its questions to the metadata server fails once.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startBackend, type Backend } from '../helpers/backend.ts';
import { FAULTS } from '../helpers/fault-cases.ts';
import { requireProgram } from '../helpers/requires.ts';
import { create, patiently, reach } from '../helpers/whole-life.ts';

/** What vm-startup.sh, the docker that it runs, and the agent ask for. */
const QUESTIONS = [
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
];
/** A question without an answer is given up after 20 s: one of them is enough for every run of the tests. */
const UNANSWERED = ['name'];

describe('an instance whose questions to the metadata server fail once', () => {
  it('boots all the same', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const backend = await startBackend(t);
    const { you } = backend;
    // The backend has its tokens from here on, so that the faults are the instance's.
    const { id } = await create(you, 'default');
    await reach(you, id, 'READY');
    for (const [name, fault] of Object.entries(FAULTS)) {
      await t.test(name, async () => {
        await patiently(you, 'POST', `/v1/sessions/${id}:stop`);
        await reach(you, id, 'STOPPED');
        await armEach(backend, fault === FAULTS['no answer'] ? UNANSWERED : QUESTIONS, fault);
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
  });
});

async function armEach(backend: Backend, questions: readonly string[], fault: object) {
  const rules = questions.map((question) => ({
    service: 'metadata',
    path: `/instance/${question}$`,
    ...fault,
  }));
  await backend.control('DELETE', '/faults');
  await backend.control('POST', '/faults', rules);
}
