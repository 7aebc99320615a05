import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TokenKind, Tokens } from '../../../client/identity/credentials.ts';
import { cacheTokens } from '../../../client/identity/token-cache.ts';

/** A sign-in that numbers its tokens, and time that the test lets go by. */
function world(lifetimeSeconds: number) {
  const fetches: string[] = [];
  const state = { seconds: 0, failure: undefined as Error | undefined, delay: Promise.resolve() };
  const fetch = async (kind: TokenKind, isRefused: boolean): Promise<Tokens> => {
    fetches.push(isRefused ? `${kind} again` : kind);
    await state.delay;
    if (state.failure) throw state.failure;
    return { [kind]: { value: `${kind}-${fetches.length}`, lifetimeSeconds } };
  };
  return { state, fetches, cache: cacheTokens({ fetch }, () => state.seconds * 1000) };
}

describe('tokens', () => {
  it('are kept until five minutes before they expire', async () => {
    const { state, fetches, cache } = world(3600);
    assert.equal(await cache.idToken(), 'id-1');
    state.seconds = 3299;
    assert.equal(await cache.idToken(), 'id-1');
    state.seconds = 3300;
    assert.equal(await cache.idToken(), 'id-2');
    assert.deepEqual(fetches, ['id', 'id']);
  });

  it('that live for a moment only are kept for nine tenths of it, and for no time at all not', async () => {
    const short = world(10);
    await short.cache.idToken();
    short.state.seconds = 8.9;
    assert.equal(await short.cache.idToken(), 'id-1');
    short.state.seconds = 9;
    assert.equal(await short.cache.idToken(), 'id-2');
    const none = world(0);
    assert.equal(await none.cache.idToken(), 'id-1');
    assert.equal(await none.cache.idToken(), 'id-2');
  });

  it('are fetched once for all who ask meanwhile, one kind after the other', async () => {
    const { state, fetches, cache } = world(3600);
    const gate = Promise.withResolvers<undefined>();
    state.delay = gate.promise.then(() => undefined);
    const asked = [cache.idToken(), cache.accessToken(), cache.idToken(), cache.accessToken()];
    assert.deepEqual(fetches, ['id']);
    gate.resolve(undefined);
    assert.deepEqual(await Promise.all(asked), ['id-1', 'access-2', 'id-1', 'access-2']);
    assert.deepEqual(fetches, ['id', 'access']);
  });

  it('that could not be fetched are asked for again by the next caller', async () => {
    const { state, fetches, cache } = world(3600);
    state.failure = new Error('no network');
    const both = await Promise.allSettled([cache.idToken(), cache.idToken()]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.equal(fetches.length, 1);
    state.failure = undefined;
    assert.equal(await cache.idToken(), 'id-2');
  });

  it('that were refused are fetched anew, and the sign-in hears why; one that is newer stays', async () => {
    const { fetches, cache } = world(3600);
    await cache.accessToken();
    cache.forget('access-1');
    assert.equal(cache.has('access'), false);
    assert.equal(await cache.accessToken(), 'access-2');
    cache.forget('access-1');
    assert.equal(await cache.accessToken(), 'access-2');
    cache.forget();
    await cache.accessToken();
    assert.deepEqual(fetches, ['access', 'access again', 'access again']);
  });
});
