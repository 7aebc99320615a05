import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLiveLine } from '../../../client/session/live-line.ts';
import { liveParts } from '../../../client/session/live-words.ts';
import type { LiveState } from '../../../client/session/live.ts';
import type { SessionView } from '../../../functions/contract.ts';
import { testIo } from '../../helpers/client-io.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const KERNEL = { id: 'k', name: 'python3', state: 'idle', connections: 1, idleSeconds: 0 } as const;
const SESSION = {
  name: 'train',
  state: 'READY',
  waitingFor: '',
  kernels: [KERNEL, { ...KERNEL, state: 'busy' }],
  idleAction: 'suspend',
  awake: { reason: '', sleepTime: '2026-03-01T12:25:00Z' },
} as unknown as SessionView;
const READY: LiveState = { session: SESSION, connection: 'up', isWakeable: false };

const words = (changes: Partial<LiveState>) => liveParts({ ...READY, ...changes }, NOW).join(' · ');
const asleep = (state: SessionView['state']) => ({ session: { ...SESSION, state } });

describe('the words of the live line', () => {
  it('tell kernels, connection and the time of sleep', () => {
    assert.equal(words({}), 'READY · 2 kernels, 1 busy · connected · sleeps in 25 min');
    assert.match(words({ connection: 'down' }), / · not connected, trying again · /);
    const cut = { since: NOW - 60_000, nextTryAt: NOW + 7_500 };
    assert.match(
      words({ connection: 'down', cut }),
      / · not connected since \d\d:\d\d, trying again in 8 s · /,
    );
    const lifetimeEndTime = '2026-03-01T12:05:00Z';
    assert.match(words({ session: { ...SESSION, lifetimeEndTime } }), /sleeps in 5 min$/);
    const busy = { ...SESSION, awake: { reason: '' } };
    assert.match(words({ session: busy }), /connected · awake while a kernel works$/);
    assert.match(words({ session: { ...SESSION, idleAction: 'delete' } }), /is deleted in 25 min/);
  });

  it('tell first what keeps everything from going on', () => {
    const trouble = { since: NOW, words: 'backend not reachable' };
    assert.match(words({ trouble }), /^READY · backend not reachable since \d\d:\d\d · 2 kernels/);
    const signInCommand = 'gcloud auth login';
    assert.match(
      words({ trouble, signInCommand }),
      /^READY · sign in again: gcloud auth login · 2/,
    );
  });

  it('offer Enter only where somebody sits', () => {
    assert.equal(words(asleep('SUSPENDED')), 'SUSPENDED · kernels and variables kept');
    assert.match(
      words({ ...asleep('STOPPED'), isWakeable: true }),
      /press Enter to start it, Ctrl-C/,
    );
  });
});

describe('the live line off a terminal', () => {
  it('is a line when something happens to the session, not for every cell', () => {
    const { io, written } = output();
    using line = createLiveLine({}, READY, io);
    line.show({ ...READY, session: { ...SESSION, kernels: [] } });
    assert.equal(written.stderr, '');
    line.show({ ...READY, connection: 'down' });
    line.show({ ...READY, connection: 'down' });
    assert.match(
      written.stderr,
      /^\d\d:\d\d train: READY · 2 kernels, 1 busy · not connected.*\n$/,
    );
  });

  it('is an object when something changes with --json', () => {
    const { io, written } = output();
    using line = createLiveLine({ json: true }, READY, io);
    const later = { reason: '', sleepTime: '2026-03-01T12:26:00Z' };
    line.show({ ...READY, session: { ...SESSION, awake: later } });
    assert.equal(written.stdout, '');
    line.show({ ...READY, connection: 'down' });
    assert.deepEqual(JSON.parse(written.stdout), {
      event: 'session',
      state: 'READY',
      connection: 'down',
      waitingFor: '',
      kernels: 2,
      busyKernels: 1,
      sleepTime: '2026-03-01T12:25:00Z',
    });
    assert.equal(written.stderr, '');
  });

  it('is nothing with --quiet', () => {
    const { io, written } = output();
    using line = createLiveLine({ quiet: true }, READY, io);
    line.show({ ...READY, connection: 'down' });
    assert.deepEqual(written, { stdout: '', stderr: '' });
  });
});

function output() {
  const io = testIo({ now: () => NOW });
  return { io, written: io.written };
}
