// What a local session is called, and how it is shown.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  session as sessionSchema,
  sessionName,
  type SessionState,
} from '../../../functions/contract.ts';
import type { Activity } from '../../../client/local/activity.ts';
import type { Container } from '../../../client/local/containers.ts';
import { atFolder, placeOf } from '../../../client/local/place.ts';
import { viewOf, type Seen } from '../../../client/local/session-view.ts';
import { readSettings } from '../../../client/settings/settings.ts';
import { makePlace } from '../settings/settings-place.ts';

describe('the name of a local session', () => {
  const nameFor = (t: Parameters<typeof makePlace>[0], folder: string, flags = {}) => {
    const settings = readSettings({ local: true, ...flags }, makePlace(t).io());
    return atFolder({ ...settings, apiUrl: '' }, folder).name;
  };

  for (const folder of [
    '/home/ada/notebooks',
    '/',
    '/home/Ünïcode 2/',
    '/x/123',
    `/${'a'.repeat(200)}`,
  ]) {
    it(`follows from ${folder.slice(0, 30)}`, (t) => {
      const name = nameFor(t, folder);
      sessionName.parse(name);
      assert.equal(nameFor(t, folder), name);
      assert.notEqual(nameFor(t, `${folder}x`), name);
    });
  }

  it('is the one that was said', (t) => {
    assert.equal(nameFor(t, '/home/ada/notebooks', { name: 'train' }), 'train');
  });

  it('is no other’s than with the backend', (t) => {
    const settings = { ...readSettings({}, makePlace(t).io()), apiUrl: 'https://api.example.com' };
    assert.equal(atFolder(settings, '/home/ada/notebooks'), settings);
  });
});

const UP: Container = {
  ...{ restarts: 0, folder: '1:2' },
  ...{ status: 'running', image: 'datalab-gateway:1', arguments: '1', port: 32768 },
  startedAt: '2026-11-30T10:00:00.123456789Z',
};
const KERNEL = {
  id: 'k',
  name: 'python3',
  state: 'idle',
  connections: 0,
  idleSeconds: 60,
} as const;
const READY: Activity = { gatewayReady: true, kernels: [KERNEL] };

function seen(changes: Partial<Seen> = {}): Seen {
  return {
    place: placeOf('/state', 'train'),
    record: { folder: '/notebooks', createTime: '2026-11-30T09:00:00.000Z' },
    look: { gateway: UP, agent: UP },
    ...{ activity: READY, progress: { kind: 'none' }, login: 'ada' },
    now: Date.parse('2026-11-30T12:00:00Z'),
    ...changes,
  };
}

describe('a local session', () => {
  it('is shown as the API shows one', () => {
    const content = viewOf(seen());
    sessionSchema.parse({ ...content, revision: 1, etag: '"1"', updateTime: content.createTime });
  });

  const cases: [string, Partial<Seen>, SessionState][] = [
    ['is READY when both run and the gateway answers', {}, 'READY'],
    [
      'is BOOTING while the gateway does not answer',
      { activity: { ...READY, gatewayReady: false } },
      'BOOTING',
    ],
    ['is BOOTING while the agent does not answer', { activity: undefined }, 'BOOTING'],
    [
      'is BOOTING while the engine starts one again',
      { look: { gateway: { ...UP, status: 'restarting' }, agent: UP }, activity: undefined },
      'BOOTING',
    ],
    [
      'is BOOTING while the agent is away: the kernels are there',
      { look: { gateway: UP, agent: { ...UP, status: 'exited' } } },
      'BOOTING',
    ],
    [
      'is STOPPED when nothing is there',
      { look: { gateway: undefined, agent: undefined }, activity: undefined },
      'STOPPED',
    ],
    [
      'is SUSPENDED when somebody has paused it',
      { look: { gateway: { ...UP, status: 'paused' }, agent: UP } },
      'SUSPENDED',
    ],
    [
      'is as far as this process is with it',
      { progress: { kind: 'images', words: 'its images' } },
      'BUILDING_IMAGE',
    ],
    [
      'is FAILED when that has failed',
      { progress: { kind: 'failed', message: 'no room' } },
      'FAILED',
    ],
  ];
  for (const [name, changes, state] of cases) {
    it(name, () => {
      assert.equal(viewOf(seen(changes)).state, state);
    });
  }

  it('says when it sleeps only where it was told to', () => {
    assert.equal(viewOf(seen()).awake, undefined);
    const record = { ...seen().record, idleTimeoutSeconds: 7200 };
    assert.deepEqual(viewOf(seen({ record })).awake, {
      reason: 'its kernels are idle',
      sleepTime: '2026-11-30T13:59:00.000Z',
    });
    const busy = { ...READY, kernels: [{ ...KERNEL, state: 'busy' as const, idleSeconds: 0 }] };
    assert.deepEqual(viewOf(seen({ record, activity: busy })).awake, {
      reason: 'kernel python3 is busy',
    });
  });
});
