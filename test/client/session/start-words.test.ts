import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import type { Io } from '../../../client/io.ts';
import type { StartOptions } from '../../../client/session/start-options.ts';
import { sayEnd } from '../../../client/session/start-words.ts';
import type { SessionView } from '../../../functions/contract.ts';

const SESSION = { name: 'train', idleAction: 'suspend', idleTimeoutSeconds: 3600, kernels: [] };
const OPTIONS = { verb: 'start', name: 'train', connectionFlags: [] } as unknown as StartOptions;

/** What Ctrl-C says of a session like this. */
function endOf(changes: Partial<SessionView>): string {
  let said = '';
  const stderr = new Writable({
    write: (chunk: Buffer, _, done) => {
      said += chunk.toString();
      done();
    },
  });
  const io = { stderr, env: {}, now: () => 0 } as unknown as Io;
  sayEnd({ ...SESSION, ...changes } as SessionView, false, OPTIONS, io);
  return said;
}

describe('the words at the end of a start', () => {
  it('say that kernels go on only where they do', () => {
    assert.match(endOf({ state: 'READY' }), /goes on without you, and its kernels with it/);
    assert.match(endOf({ state: 'SUSPENDING' }), /train is SUSPENDING: kernels and variables kept/);
    assert.match(endOf({ state: 'STOPPING' }), /train is STOPPING: files kept, kernels gone\./);
    const error = { code: 'INTERNAL', message: 'Its gateway does not answer.' } as const;
    assert.match(endOf({ state: 'FAILED', error }), /train is FAILED: Its gateway does not answer/);
  });
});
