// A cell of which nobody has seen that it ran: what its page had sent behind it is not run on top of that.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Cause } from '../../../agent/queue/state.ts';
import { Scene } from './scene.ts';

const A_DAY = 24 * 3_600_000;

interface Case {
  cause: Cause;
  /** The cell is answered so; its content is this. */
  ends: (scene: Scene, content: Record<string, unknown>) => void;
}

const CASES: readonly Case[] = [
  { cause: 'unknown', ends: getsLost },
  { cause: 'endUnseen', ends: losesItsEnd },
  {
    cause: 'tooLate',
    ends: (scene, content) => {
      scene.asks({ page: 'page', id: 'cell', waited: A_DAY + 1, content });
    },
  },
  {
    cause: 'overtaken',
    ends: (scene, content) => {
      const seen = scene.head;
      runs(scene, { page: 'other', id: 'newer' });
      scene.asks({ page: 'page', id: 'cell', seen, waited: 60_000, content });
    },
  },
];

for (const { cause, ends } of CASES) {
  describe(`behind a cell that ended as ${cause}`, () => {
    it('what its page sent before it can have known is aborted', () => {
      const scene = new Scene('page', 'other');
      ends(scene, {});
      const seen = scene.head - 1;
      assert.ok(scene.does().includes(`execute_reply cell ${cause}`));
      scene.asks({ page: 'page', id: 'behind', seen });
      assert.deepEqual(scene.does(), ['execute_reply behind error', 'status behind error']);
    });

    it('what comes before its page is told is aborted', () => {
      const scene = new Scene('page', 'other');
      ends(scene, {});
      scene.asks({ page: 'page', id: 'behind' });
      const done = scene.does();
      assert.ok(done.includes(`execute_reply cell ${cause}`));
      assert.ok(done.includes('execute_reply behind error'));
    });

    it('what its page sends when it knows is run, and what another page sends', () => {
      const scene = new Scene('page', 'other');
      ends(scene, {});
      const seen = scene.head - 1;
      scene.does();
      scene.asks({ page: 'other', id: 'another', seen });
      assert.deepEqual(scene.does(), ['send another']);
      scene.says({ type: 'execute_reply', of: 'another', content: { status: 'ok' } });
      scene.asks({ page: 'page', id: 'anew' });
      assert.deepEqual(scene.does(), ['send anew']);
    });

    it('everything goes on if an error of it would abort nothing', () => {
      const scene = new Scene('page', 'other');
      ends(scene, { stop_on_error: false });
      scene.asks({ page: 'page', id: 'behind' });
      assert.equal(scene.does().at(-1), 'send behind');
    });
  });
}

describe('what waits when a cell gets lost', () => {
  it('is aborted with it, but not what another page asked, nor what is no cell', () => {
    const scene = new Scene('page', 'other');
    scene.asks({ page: 'page', id: 'cell' });
    scene.does();
    scene.status('busy', 'cell');
    scene.reconnects(undefined);
    scene.asks({ page: 'page', id: 'behind' });
    scene.asks({ page: 'other', id: 'another' });
    scene.asks({ page: 'page', id: 'completion', type: 'complete_request' });
    scene.reconnects('second');
    scene.does();
    scene.answersFence();
    assert.deepEqual(
      scene.does().filter((step) => !step.startsWith('status')),
      [
        ...['error cell endUnseen', 'execute_reply cell endUnseen'],
        ...['execute_reply behind error', 'send another', 'send completion'],
      ],
    );
  });
});

describe('a page that missed the failure of its cell, and gets a channel of its own', () => {
  it('has what it had sent behind that cell aborted, and what it sends then is run', () => {
    const scene = new Scene('page');
    const seen = scene.head;
    scene.asks({ page: 'page', id: 'cell' });
    scene.does();
    scene.says({ type: 'execute_reply', of: 'cell', content: { status: 'error' } });
    scene.status('idle', 'cell');
    scene.append({ kind: 'channel', key: 'page', incarnation: 'another', epoch: 1 });
    scene.asks({ page: 'page', id: 'behind', seen });
    assert.deepEqual(scene.does(), ['execute_reply behind error', 'status behind error']);
    scene.asks({ page: 'page', id: 'anew' });
    assert.ok(!scene.does().some((step) => step.startsWith('execute_reply')));
  });
});

/** Neither its first bytes nor the same ones again have left a trace. */
function getsLost(scene: Scene, content: Record<string, unknown>): void {
  scene.asks({ page: 'page', id: 'cell', content });
  assert.deepEqual(scene.does(), ['send cell']);
  scene.reconnects('second');
  assert.deepEqual(scene.does(), ['fence shell']);
  scene.answersFence();
  assert.deepEqual(scene.does(), ['send cell', 'fence shell']);
  scene.answersFence();
}

function losesItsEnd(scene: Scene, content: Record<string, unknown>): void {
  scene.asks({ page: 'page', id: 'cell', content });
  scene.does();
  scene.status('busy', 'cell');
  scene.reconnects('second');
  assert.deepEqual(scene.does(), ['fence shell']);
  scene.answersFence();
}

function runs(scene: Scene, asked: { page: string; id: string }): void {
  scene.asks(asked);
  assert.deepEqual(scene.does(), [`send ${asked.id}`]);
  scene.says({ type: 'execute_reply', of: asked.id, content: { status: 'ok' } });
  scene.status('idle', asked.id);
}
