import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SessionView } from '../../../functions/contract.ts';
import type { Backend } from '../../../client/backend.ts';
import { findSession } from '../../../client/session/find.ts';
import { OWN, sessionNamed } from '../../helpers/fixed-api.ts';

const ADA = 'ada@example.com';

function backend(sessions: SessionView[], name = 'default', email: string | null = OWN) {
  const claims = Buffer.from(JSON.stringify({ sub: '1', email })).toString('base64url');
  return {
    api: { listSessions: () => Promise.resolve(sessions) },
    credentials: { idToken: () => Promise.resolve(`e30.${claims}.c2ln`) },
    settings: { name },
  } as unknown as Backend;
}

const mine = sessionNamed('default', { id: 'mine' });
const adas = sessionNamed('default', { id: 'adas', owner: { email: ADA } });

describe('a session by its name', () => {
  it('is the caller’s own, wherever it stands in an administrator’s list', async () => {
    assert.equal((await findSession(backend([adas, mine]))).id, 'mine');
    assert.equal((await findSession(backend([mine, adas]))).id, 'mine');
  });

  it('is never somebody else’s unless they are named', async () => {
    await assert.rejects(findSession(backend([adas])), {
      message: `You have no session named default. ${ADA} has one: choose it with --owner.`,
    });
    assert.equal(
      (await findSession(backend([mine, adas]), { owner: 'Ada@Example.com' })).id,
      'adas',
    );
  });

  it('is not guessed when the token does not say who the caller is', async () => {
    const nameless = backend([mine, adas], 'default', null);
    await assert.rejects(
      findSession(nameless),
      /does not say which of these you are; give --owner: you@example.com, ada@/,
    );
  });

  it('that is not there gets the names that are', async () => {
    await assert.rejects(findSession(backend([mine, sessionNamed('train')], 'tarin')), {
      message: 'You have no session named tarin. You have: default, train; choose with --name.',
    });
    await assert.rejects(findSession(backend([mine], 'x'), { owner: ADA }), /nor any other/);
    await assert.rejects(findSession(backend([])), /Start one with: datalab-client start/);
  });

  it('is the new one while an older one of that name is being deleted', async () => {
    const going = sessionNamed('default', { id: 'going', want: 'deleted', state: 'DELETING' });
    assert.equal((await findSession(backend([going, mine]))).id, 'mine');
    assert.equal((await findSession(backend([going]))).id, 'going');
  });
});
