import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError } from '../../../client/api/api.ts';
import { askForSession } from '../../../client/session/ask.ts';
import type { Settings } from '../../../client/settings/settings.ts';
import type { CreateSessionRequest, SessionView } from '../../../functions/contract.ts';

const THERE = { zone: 'europe-west1-b', machineType: 'e2-standard-4' };
const SESSION = { id: 'one', name: 'default' } as SessionView;

/** An API with a session that is of another machine type, or in another zone, than what may be asked for. */
function api() {
  const asked: Partial<CreateSessionRequest>[] = [];
  const createSession = (request: Partial<CreateSessionRequest>) => {
    asked.push(request);
    const fields = (['zone', 'machineType'] as const).filter(
      (field) => request[field] !== undefined && request[field] !== THERE[field],
    );
    if (fields.length === 0) return Promise.resolve(SESSION);
    const message = `Session default exists already, with another ${fields.join(', ')}.`;
    return Promise.reject(new ApiError({ code: 409, status: 'ALREADY_EXISTS', message }));
  };
  return { asked, createSession };
}

function settings(
  session: Settings['session'],
  origins: Settings['origins'],
): Pick<Settings, 'name' | 'session' | 'origins'> {
  return { name: 'default', session, origins };
}

const FLAG = { kind: 'flag', detail: '--machine-type' } as const;
const FILE = { kind: 'file', detail: 'config.json' } as const;
const GCLOUD = { kind: 'gcloud', detail: 'gcloud configuration default' } as const;

describe('a session that exists with another spec', () => {
  it('is used as it is when what differs is only a default of this machine', async () => {
    const backend = api();
    const wanted = { zone: 'us-east1-b', machineType: 'n2-highmem-8' };
    const asked = settings(wanted, { zone: GCLOUD, machineType: FILE });
    assert.equal(await askForSession(backend, asked), SESSION);
    assert.deepEqual(backend.asked, [{ ...wanted, name: 'default' }, { name: 'default' }]);
  });

  it('is refused when somebody asks for something else now, with what to do', async () => {
    const wanted = { zone: 'us-east1-b', machineType: 'n2-highmem-8' };
    const asked = settings(wanted, { zone: GCLOUD, machineType: FLAG });
    await assert.rejects(askForSession(api(), asked), {
      name: 'ClientError',
      message:
        'Session default exists already, with another machineType.\n' +
        'Asked for: machineType by --machine-type.\n' +
        'For another one beside it give --name; to make this one anew: datalab-client delete',
    });
  });

  it('is asked for once when there is nothing to leave out', async () => {
    const backend = api();
    const origin = { kind: 'environment', detail: 'ZONE' } as const;
    const asked = settings({ zone: 'us-east1-b' }, { zone: origin });
    await assert.rejects(askForSession(backend, asked), /Asked for: zone by ZONE\./);
    assert.equal(backend.asked.length, 1);
  });
});
