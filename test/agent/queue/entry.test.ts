// What a kernel's log begins with when it was shortened, perhaps by another version of the agent.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Snapshot } from '../../../agent/queue/entry.ts';
import { fromSnapshot, toSnapshot } from '../../../agent/queue/entry.ts';
import { NEW_KERNEL } from '../../../agent/queue/state.ts';
import { Scene } from './scene.ts';

describe('a snapshot', () => {
  it('of an agent that knew less goes on: what it lacks is as with a new kernel', () => {
    const scene = atWork();
    const newer: readonly string[] = ['answered', 'aborting'];
    const known = Object.entries(toSnapshot(scene.state)).filter(([key]) => !newer.includes(key));
    scene.state = fromSnapshot(writtenAndRead(Object.fromEntries(known) as Snapshot));
    assert.deepEqual(scene.state.aborting, []);
    scene.says({ type: 'execute_reply', of: 'cell', content: { status: 'error' } });
    assert.ok(scene.does().includes('execute_reply waiting error'));
  });

  it('that lacks everything is that of a new kernel', () => {
    assert.deepEqual(fromSnapshot({} as Snapshot), NEW_KERNEL);
  });
});

/** One cell runs, one waits. */
function atWork(): Scene {
  const scene = new Scene('page');
  scene.asks({ page: 'page', id: 'cell' });
  scene.asks({ page: 'page', id: 'waiting' });
  scene.does();
  return scene;
}

function writtenAndRead<T>(snapshot: T): T {
  return JSON.parse(JSON.stringify(snapshot)) as T;
}
