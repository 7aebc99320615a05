import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SignInError } from '../../../client/identity/credentials.ts';
import { openTunnelAs } from '../../../client/identity/tunnel.ts';
import { startRelay, startTcp, targetOf, TOKEN } from '../../tunnel/tunnel-fixture.ts';

function somebody(tokens: string[]) {
  const forgotten: (string | undefined)[] = [];
  return {
    forgotten,
    command: 'gcloud auth login you@example.com',
    accessToken: () => Promise.resolve(tokens[forgotten.length] ?? ''),
    forget: (token?: string) => forgotten.push(token),
  };
}

describe('a tunnel in somebody’s name', () => {
  it('is opened with another token when the first is refused', async (t) => {
    const relay = await startRelay(t, { targetPort: await startTcp(t, () => undefined) });
    const identity = somebody(['expired', TOKEN]);
    const stream = await openTunnelAs(identity, {
      url: relay.url,
      target: targetOf(8888),
      env: {},
    });
    stream.destroy();
    assert.deepEqual(identity.forgotten, ['expired']);
  });

  it('names the command of who it is when a fresh token is refused too', async (t) => {
    for (const refusal of [{ refuseWith: 401 }, { closeWith: 4004 }]) {
      const relay = await startRelay(t, refusal);
      const opening = openTunnelAs(somebody([TOKEN, TOKEN]), {
        url: relay.url,
        target: targetOf(8888),
        env: {},
      });
      await assert.rejects(opening, (error) => {
        assert.ok(error instanceof SignInError);
        assert.match(
          error.message,
          /not accepted for port 8888 .*again with: gcloud auth login you@example\.com$/,
        );
        return true;
      });
    }
  });

  it('is not tried again when something else is wrong', async (t) => {
    const relay = await startRelay(t, { closeWith: 4033 });
    const identity = somebody([TOKEN]);
    await assert.rejects(
      openTunnelAs(identity, { url: relay.url, target: targetOf(8888), env: {} }),
      /roles\/iap\.tunnelResourceAccessor/,
    );
    assert.deepEqual(identity.forgotten, []);
  });
});
