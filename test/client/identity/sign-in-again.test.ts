import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { ClientError, Interrupted } from '../../../client/errors.ts';
import { SignInError, type TokenKind } from '../../../client/identity/credentials.ts';
import { waitForSignIn, type SignInCallbacks } from '../../../client/identity/sign-in-again.ts';
import { cacheTokens } from '../../../client/identity/token-cache.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';

function world(t: TestContext, isFollowed: boolean) {
  const file = path.join(temporaryFolder(t), 'credentials.json');
  writeFileSync(file, 'old');
  const state = { failure: undefined as Error | undefined, fetches: 0, lifetimeSeconds: 0 };
  const told: string[] = [];
  const fetch = (kind: TokenKind) => {
    state.fetches += 1;
    if (state.failure) return Promise.reject(state.failure);
    return Promise.resolve({
      [kind]: { value: 'a-token', lifetimeSeconds: state.lifetimeSeconds },
    });
  };
  const callbacks: SignInCallbacks = {
    onNeeded: (command, reason) => told.push(`${reason} ${command}`),
    onBack: () => told.push('back'),
  };
  const interrupt = new AbortController();
  const credentials = waitForSignIn(
    cacheTokens({ fetch }, () => performance.now()),
    { files: [file], interrupt: interrupt.signal, callbacks: isFollowed ? callbacks : undefined },
  );
  return { file, state, told, callbacks, interrupt, credentials };
}

const ENDED = new SignInError('It has ended.', 'gcloud auth login');

describe('a sign-in that has ended', () => {
  it('is told once, waited for by all, and goes on when its file has changed', async (t) => {
    const { file, state, told, credentials } = world(t, true);
    state.failure = ENDED;
    const asked = [credentials.idToken(), credentials.accessToken(), credentials.idToken()];
    await until('it is told', () => told.length > 0);
    const before = state.fetches;
    const late = credentials.idToken();
    assert.equal(state.fetches, before, 'who comes later asks nobody');
    state.failure = new ClientError('no network');
    writeFileSync(file, 'new, but there is no network');
    await until('it has looked', () => state.fetches > before);
    assert.deepEqual(told, ['It has ended. gcloud auth login']);
    state.failure = undefined;
    writeFileSync(file, 'new');
    assert.deepEqual(await Promise.all([...asked, late]), Array(4).fill('a-token'));
    assert.deepEqual(told, ['It has ended. gcloud auth login', 'back']);
  });

  it('is an error where nobody follows it, until somebody does', async (t) => {
    const { file, state, told, callbacks, credentials } = world(t, false);
    state.failure = ENDED;
    await assert.rejects(credentials.idToken(), ENDED);
    credentials.followSignIn(callbacks);
    const asked = credentials.idToken();
    await until('it is told', () => told.length > 0);
    state.failure = undefined;
    writeFileSync(file, 'new');
    assert.equal(await asked, 'a-token');
  });

  it('is waited for no longer after Ctrl-C', async (t) => {
    const { state, told, interrupt, credentials } = world(t, true);
    state.failure = ENDED;
    const asked = credentials.idToken();
    await until('it is told', () => told.length > 0);
    interrupt.abort();
    await assert.rejects(asked, Interrupted);
  });

  it('keeps nobody from a token that is still good', async (t) => {
    const { state, told, interrupt, credentials } = world(t, true);
    state.lifetimeSeconds = 3600;
    await credentials.accessToken();
    state.failure = ENDED;
    const asked = credentials.idToken();
    await until('it is told', () => told.length > 0);
    assert.equal(await credentials.accessToken(), 'a-token');
    interrupt.abort();
    await assert.rejects(asked, Interrupted);
  });

  it('is no other failure', async (t) => {
    const { state, told, credentials } = world(t, true);
    state.failure = new ClientError('no network');
    await assert.rejects(credentials.idToken(), /no network/);
    assert.deepEqual(told, []);
  });
});
