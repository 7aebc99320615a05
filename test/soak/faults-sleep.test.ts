// Idle sessions that go to sleep as agreed with their agents, though the one call that puts them to sleep fails once.
import { describe, it } from 'node:test';
import { startFaultBackend } from '../helpers/fault-backend.ts';
import { FAULTS } from '../helpers/fault-cases.ts';
import { assertLived, create, patiently, reach } from '../helpers/whole-life.ts';

describe('an idle session', () => {
  it('sleeps and wakes, whatever happens to the call', { concurrency: true }, async (t) => {
    const backend = await startFaultBackend(t);
    const { you } = backend;
    const cases = [['no fault', undefined] as const, ...Object.entries(FAULTS)];
    const sleep = async (name: string, fault: object | undefined) => {
      const wanted = { idleTimeoutSeconds: 60, idleAction: 'suspend' };
      const { id } = await create(you, `sleep-${name.replaceAll(' ', '-')}`, wanted);
      const path = `/instances/datalab-${id}-1/suspend$`;
      if (fault) await backend.control('POST', '/faults', { service: 'compute', path, ...fault });
      await reach(you, id, 'READY');
      await reach(you, id, 'SUSPENDED');
      await patiently(you, 'POST', `/v1/sessions/${id}:start`);
      await reach(you, id, 'READY');
      await patiently(you, 'POST', `/v1/sessions/${id}:stop`);
      await reach(you, id, 'STOPPED');
      await patiently(you, 'POST', `/v1/sessions/${id}:start`);
      await reach(you, id, 'READY');
      await patiently(you, 'DELETE', `/v1/sessions/${id}`);
      await reach(you, id, 'GONE');
      await assertLived(backend, id);
    };
    await Promise.all(cases.map(([name, fault]) => t.test(name, () => sleep(name, fault))));
  });
});
