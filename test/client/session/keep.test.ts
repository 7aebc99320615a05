import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SessionAccess } from '../../../client/session/access.ts';
import { keepSession } from '../../../client/session/keep.ts';
import { Live, type LiveState } from '../../../client/session/live.ts';
import type { ConnectResponse, SessionView } from '../../../functions/contract.ts';

const CONNECTION = { accessToken: '', tunnel: {} } as unknown as ConnectResponse;
const READY = {
  id: '1',
  name: 'train',
  state: 'READY',
  want: 'running',
  revision: 1,
  instance: { name: 'train-1', status: 'RUNNING' },
  kernels: [],
} as unknown as SessionView;
const FAILED: SessionView = {
  ...READY,
  state: 'FAILED',
  error: { code: 'INTERNAL', message: 'Google does not suspend it.' },
};

/** With a backend that answers these, one after the other, and a way that is down, so that it is asked soon. */
async function keep(answers: readonly SessionView[], atEnter?: SessionView) {
  const seen: LiveState[] = [];
  const presses = (callback: () => void) => {
    setImmediate(callback);
    return { [Symbol.dispose]: () => undefined };
  };
  const over = new AbortController();
  const left = answers.map((answer, index) => ({ ...answer, revision: index + 2 }));
  let latest = READY;
  let now = 0;
  const end = keepSession(
    {
      session: READY,
      api: {
        waitForSession: () => Promise.resolve((latest = left.shift() ?? latest)),
        startSession: () =>
          atEnter ? Promise.resolve(atEnter) : Promise.reject(new Error('nobody starts it')),
        connect: () => Promise.resolve(CONNECTION),
      },
      access: new SessionAccess({
        way: { open: () => Promise.reject(new Error('no way')) },
        connection: CONNECTION,
      }),
      probe: () => Promise.reject(new Error('no way')),
      live: new Live({ session: READY, connection: 'up', isWakeable: false }, (state) => {
        seen.push(state);
      }),
      now: () => (now += 10_000),
      onEnter: atEnter && presses,
      onConnection: (connection) => {
        connection.check();
      },
    },
    over.signal,
  );
  try {
    return { end: await end, states: seen.map(({ session }) => session.state), seen };
  } catch (error) {
    throw Object.assign(error as Error, { seen });
  } finally {
    over.abort();
  }
}

describe('a session that fails while a relay serves it', () => {
  it('is kept while its machine runs: a suspend that Google refuses is no end', async () => {
    const { end, states } = await keep([FAILED, READY, { ...READY, state: 'SUSPENDED' }]);
    assert.equal(end.state, 'SUSPENDED');
    assert.ok(states.includes('FAILED'));
  });

  it('is tried again with Enter, where somebody sits, the pages still there', async () => {
    const gone = { ...FAILED, instance: { ...READY.instance, status: 'TERMINATED' } };
    const deleting: SessionView = { ...READY, state: 'DELETING', want: 'deleted', revision: 99 };
    await assert.rejects(keep([gone as SessionView], deleting), (error: Error) => {
      assert.equal(error.message, 'Session train is being deleted.', 'what Enter has asked for');
      const { seen } = error as Error & { seen: LiveState[] };
      assert.ok(seen.some(({ session, isWakeable }) => session.state === 'FAILED' && isWakeable));
      return true;
    });
  });

  it('is the end when its machine does not run and nobody sits there', async () => {
    const gone = { ...FAILED, instance: { ...READY.instance, status: 'TERMINATED' } };
    await assert.rejects(keep([gone as SessionView]), {
      message: 'Session train failed: Google does not suspend it.',
    });
  });
});
