// Who is asked when a cell wants input, and how the answer reaches the kernel.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Scene } from './scene.ts';

describe('a prompt', () => {
  it('is for the page whose cell asks', () => {
    const scene = asking();
    assert.equal(scene.lastAddressee, 'page');
    assert.deepEqual(scene.does(), []);
  });

  it('goes to another page when its own went before it came', () => {
    const scene = begun('page', 'other');
    scene.leaves('page');
    scene.says({ type: 'input_request', of: 'cell', id: 'prompt' });
    assert.deepEqual(scene.does(), ['show prompt to other']);
    assert.deepEqual(scene.does(), []);
  });

  it('goes to the next page that comes when there is none', () => {
    const scene = begun('page');
    scene.leaves('page');
    scene.says({ type: 'input_request', of: 'cell', id: 'prompt' });
    assert.deepEqual(scene.does(), []);
    scene.comes('late');
    assert.deepEqual(scene.does(), ['show prompt to late']);
  });

  it('of a request that nobody knows goes to a page that is there', () => {
    const scene = new Scene('page');
    scene.says({ type: 'input_request', of: 'comm', id: 'prompt', page: 'nobody' });
    assert.deepEqual(scene.does(), ['show prompt to page']);
  });
});

/** A cell that the kernel has begun. */
function begun(...pages: string[]): Scene {
  const scene = new Scene(...pages);
  scene.asks({ page: 'page', id: 'cell' });
  assert.deepEqual(scene.does(), ['send cell']);
  scene.status('busy', 'cell');
  return scene;
}

/** It waits for input. */
function asking(...pages: string[]): Scene {
  const scene = begun('page', ...pages);
  scene.says({ type: 'input_request', of: 'cell', id: 'prompt' });
  return scene;
}
