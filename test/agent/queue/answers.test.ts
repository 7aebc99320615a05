// What the agent answers in the kernel's place, and that nothing is answered twice.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Scene } from './scene.ts';

const COMPLETION = { page: 'page', id: 'completion', type: 'complete_request' };

describe('a request that is no cell', () => {
  it('gets the kernel’s answer', () => {
    const scene = new Scene('page');
    scene.asks(COMPLETION);
    assert.deepEqual(scene.does(), ['send completion']);
    scene.says({ type: 'complete_reply', of: 'completion', page: 'page' });
    assert.equal(scene.lastAddressee, 'page');
  });

  it('gets no second answer when the kernel’s comes after ours', () => {
    const scene = new Scene('page');
    scene.asks(COMPLETION);
    scene.does();
    scene.reconnects('second');
    assert.deepEqual(scene.does(), ['fence shell']);
    scene.answersFence();
    assert.deepEqual(scene.does(), [
      'complete_reply completion unknown',
      'status completion unknown',
    ]);
    scene.says({ type: 'complete_reply', of: 'completion', page: 'page' });
    assert.equal(scene.lastAddressee, 'nobody');
  });
});
