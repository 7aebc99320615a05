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

  it('whose page went goes to one that is connected, however long another is known', () => {
    const scene = begun('page', 'older', 'open');
    scene.isCut('older');
    scene.leaves('page');
    scene.says({ type: 'input_request', of: 'cell', id: 'prompt' });
    assert.deepEqual(scene.does(), ['show prompt to open']);
  });

  it('whose page went waits while nobody is connected', () => {
    const scene = begun('page', 'other');
    scene.isCut('other');
    scene.leaves('page');
    scene.says({ type: 'input_request', of: 'cell', id: 'prompt' });
    assert.deepEqual(scene.does(), []);
    scene.comes('other');
    assert.deepEqual(scene.does(), ['show prompt to other']);
  });

  it('of a request that nobody knows goes to a page that is there', () => {
    const scene = new Scene('page');
    scene.says({ type: 'input_request', of: 'comm', id: 'prompt', page: 'nobody' });
    assert.deepEqual(scene.does(), ['show prompt to page']);
  });
});

describe('a prompt of a process that is gone', () => {
  it('is shown to nobody', () => {
    const scene = outlived();
    scene.says({ type: 'input_request', of: 'cell', id: 'late', process: 'process' });
    assert.equal(scene.state.prompt, undefined);
    scene.leaves('page');
    scene.comes('another');
    assert.ok(!scene.does().some((step) => step.startsWith('show')));
  });

  it('takes no answer from the one that is open', () => {
    const scene = outlived();
    scene.says({ type: 'input_request', of: 'startup', id: 'prompt', page: 'page' });
    scene.says({ type: 'input_request', of: 'cell', id: 'late', process: 'process' });
    scene.asks({ page: 'page', id: 'input', type: 'input_reply', channel: 'stdin' });
    assert.ok(scene.does().includes('send input'));
    assert.equal(scene.state.prompt?.id, 'prompt');
  });
});

describe('an input', () => {
  const reply = { type: 'input_reply', channel: 'stdin', page: 'page' };

  it('goes to the kernel once', () => {
    const scene = asking();
    scene.asks({ ...reply, id: 'input' });
    assert.deepEqual(scene.does(), ['send input']);
    scene.asks({ ...reply, id: 'again' });
    assert.deepEqual(scene.does(), []);
  });

  it('waits for a connection', () => {
    const scene = asking();
    scene.reconnects(undefined);
    scene.asks({ ...reply, id: 'input' });
    assert.deepEqual(scene.does(), []);
    scene.reconnects('second');
    assert.deepEqual(scene.does(), ['send input', 'fence shell']);
  });

  it('is sent again when its connection broke and its cell has not been heard since', () => {
    const scene = asking();
    scene.asks({ ...reply, id: 'input' });
    scene.does();
    scene.reconnects('second');
    assert.deepEqual(scene.does(), ['send input', 'fence shell']);
    scene.reconnects('third');
    assert.deepEqual(scene.does(), ['send input', 'fence shell']);
  });

  it('is not sent again when its cell has gone on', () => {
    const scene = asking();
    scene.asks({ ...reply, id: 'input' });
    scene.does();
    scene.says({ type: 'stream', of: 'cell' });
    scene.reconnects('second');
    assert.deepEqual(scene.does(), ['fence shell']);
  });

  it('is sent though output came late that its cell had made before it asked', () => {
    const scene = asking();
    scene.says({ type: 'stream', of: 'cell' });
    scene.asks({ ...reply, id: 'input' });
    assert.deepEqual(scene.does(), ['send input']);
  });

  it('is asked for again of a kernel that would take the same bytes twice', () => {
    const scene = asking();
    scene.says({ type: 'kernel_info_reply', content: { implementation: 'xpython' } });
    scene.asks({ ...reply, id: 'input' });
    scene.does();
    scene.reconnects('second');
    assert.deepEqual(scene.does(), ['show prompt to page', 'fence shell']);
    scene.asks({ ...reply, id: 'anew' });
    assert.deepEqual(scene.does(), ['send anew']);
  });

  it('is asked for again of a page that is connected, where its own has gone', () => {
    const scene = asking('older', 'open');
    scene.says({ type: 'kernel_info_reply', content: { implementation: 'xpython' } });
    scene.asks({ ...reply, id: 'input' });
    scene.does();
    scene.isCut('older');
    scene.leaves('page');
    scene.reconnects('second');
    assert.deepEqual(scene.does(), ['show prompt to open', 'fence shell']);
  });

  it('is for the second prompt of a cell, too', () => {
    const scene = asking();
    scene.asks({ ...reply, id: 'input' });
    scene.does();
    scene.says({ type: 'input_request', of: 'cell', id: 'second' });
    scene.asks({ ...reply, id: 'more' });
    assert.deepEqual(scene.does(), ['send more']);
  });

  it('for a prompt that ended with its cell goes nowhere', () => {
    const scene = asking();
    scene.says({ type: 'execute_reply', of: 'cell', content: { status: 'error' } });
    scene.asks({ ...reply, id: 'input' });
    assert.deepEqual(scene.does(), []);
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

/** A cell was at work when the kernel was restarted; the new process has spoken. */
function outlived(): Scene {
  const scene = begun('page');
  scene.append({ kind: 'restarted', cause: 'restarted' });
  scene.process = 'new';
  scene.says({ type: 'status', content: { execution_state: 'starting' } });
  return scene;
}

/** It waits for input. */
function asking(...pages: string[]): Scene {
  const scene = begun('page', ...pages);
  scene.says({ type: 'kernel_info_reply', content: { implementation: 'ipython' } });
  scene.says({ type: 'input_request', of: 'cell', id: 'prompt' });
  return scene;
}
