// A kernel is restarted at somebody's request: the new process may speak before the gateway has answered, and it may fail.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NEW_KERNEL, isBusy, sessionOf } from '../../../agent/queue/state.ts';
import { Scene } from './scene.ts';

describe('a restart', () => {
  it('answers what waited, once the gateway has said that it is done', () => {
    const scene = restarting();
    assert.deepEqual(scene.does(), []);
    scene.restartAnswered(true);
    assert.ok(scene.does().includes('execute_reply waiting restarted'));
  });

  for (const [cause, answer] of [
    ['restarted', 'stopped'],
    ['died', 'died'],
  ] as const) {
    it(`tells what was at work that its process was ended (${cause}), a request that is no cell too`, () => {
      const scene = restarting();
      scene.append({ kind: 'restartFailed' });
      scene.asks({ page: 'page', id: 'debug', type: 'debug_request', channel: 'control' });
      scene.append({ kind: 'restarted', cause });
      scene.reconnects('second');
      const done = scene.does();
      assert.ok(done.includes(`debug_reply debug ${answer}`));
      assert.ok(done.includes(`execute_reply waiting ${cause}`));
      scene.answersFence();
      assert.ok(scene.does().includes(`execute_reply cell ${answer}`));
    });
  }

  it('is nothing to a cell that the new process has begun', () => {
    const scene = restarting();
    scene.append({ kind: 'restarted', cause: 'died' });
    assert.ok(!isBusy(scene.state));
    scene.status('busy', 'cell');
    assert.ok(!isBusy(scene.state), 'a late word of the old process');
    scene.reconnects('second');
    scene.process = 'new';
    scene.status('busy', 'cell');
    assert.ok(isBusy(scene.state));
    scene.does();
    scene.answersFence();
    assert.ok(scene.does().includes('execute_reply cell endUnseen'));
  });

  it('that fails lets go on what waited, messages that nobody answers among it', () => {
    const scene = new Scene('page');
    scene.reconnects(undefined);
    scene.asks({ page: 'page', id: 'comm', type: 'comm_msg' });
    scene.asks({ page: 'page', id: 'cell' });
    scene.append({ kind: 'restarting' });
    scene.reconnects('second');
    assert.deepEqual(scene.does(), []);
    scene.restartAnswered(false);
    assert.deepEqual(scene.does(), ['send comm', 'send cell']);
  });

  it('is told in the session of the process that was heard last', () => {
    const scene = restarting();
    assert.equal(sessionOf(NEW_KERNEL), 'datalab');
    assert.equal(sessionOf(scene.state), 'process');
    scene.restartAnswered(true);
    scene.does();
    assert.equal(scene.log.at(-1)?.body?.header.session, 'process');
    speaks(scene);
    assert.equal(sessionOf(scene.state), 'new');
  });

  it('is the reason for what waited behind a cell that the gateway has interrupted for it', () => {
    const scene = restarting();
    scene.says({ type: 'execute_reply', of: 'cell', content: { status: 'error' } });
    assert.ok(scene.does().includes('execute_reply waiting restarted'));
  });

  it('sends nothing before the gateway has answered', () => {
    const scene = restarting();
    scene.says({ type: 'execute_reply', of: 'cell', content: { status: 'ok' } });
    assert.deepEqual(scene.does(), []);
  });

  it('is known as soon as the new process speaks, and once', () => {
    const scene = restarting();
    speaks(scene);
    scene.reconnects('second');
    scene.does();
    scene.asks({ page: 'page', id: 'anew' });
    scene.restartAnswered(true);
    scene.answersFence();
    assert.ok(scene.does().includes('send anew'));
    assert.equal(scene.log.filter(({ entry }) => entry.kind === 'restarted').length, 1);
    assert.equal(scene.state.process, 'new');
  });

  it('leaves open what the new process has asked before its answer came', () => {
    const scene = restarting();
    speaks(scene);
    scene.says({ type: 'input_request', of: 'startup', id: 'prompt', page: 'page' });
    scene.restartAnswered(true);
    assert.equal(scene.state.prompt?.id, 'prompt');
  });

  it('counts when it is the second of two that overlap, though no process was heard between', () => {
    const scene = restarting();
    scene.append({ kind: 'restarting' });
    scene.restartAnswered(true);
    scene.restartAnswered(true);
    assert.equal(scene.log.filter(({ entry }) => entry.kind === 'restarted').length, 2);
  });
});

describe('a process that was restarted before it was heard', () => {
  it('is not taken for the new one when its words come late', () => {
    const scene = restartedTwice();
    scene.says({ type: 'status', process: 'unheard', content: { execution_state: 'starting' } });
    scene.reconnects('second');
    scene.asks({ page: 'page', id: 'anew' });
    speaks(scene);
    assert.equal(scene.state.process, 'new');
    assert.deepEqual(scene.does(), ['send anew']);
    assert.equal(scene.log.filter(({ entry }) => entry.kind === 'restarted').length, 2);
  });

  it('may be heard on the old connection: the new one is known by the next', () => {
    const scene = restartedTwice();
    speaks(scene);
    assert.equal(scene.state.process, undefined);
    scene.reconnects('second');
    speaks(scene);
    assert.equal(scene.state.process, 'new');
  });
});

/** Nothing was heard of the process between, and the connection of that time has not ended yet. */
function restartedTwice(): Scene {
  const scene = new Scene('page');
  scene.append({ kind: 'restarted', cause: 'restarted' });
  scene.append({ kind: 'restarted', cause: 'restarted' });
  scene.isLeaving = true;
  return scene;
}

/** With one cell at work and one behind it. */
function restarting(): Scene {
  const scene = new Scene('page');
  scene.asks({ page: 'page', id: 'cell' });
  scene.asks({ page: 'page', id: 'waiting' });
  assert.deepEqual(scene.does(), ['send cell']);
  scene.status('busy', 'cell');
  scene.append({ kind: 'restarting' });
  return scene;
}

/** The new process. */
function speaks(scene: Scene): void {
  scene.process = 'new';
  scene.says({ type: 'status', content: { execution_state: 'starting' } });
}
