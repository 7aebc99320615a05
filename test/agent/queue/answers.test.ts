// What the agent answers in the kernel's place, and that nothing is answered twice.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readMessage } from '../../../agent/channel/messages.ts';
import { writeAnswer } from '../../../agent/queue/answers.ts';
import { asRequest } from '../../../agent/queue/unanswered.ts';
import { Scene } from './scene.ts';

const NOW = new Date(0);
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

describe('a request on the channel of the output', () => {
  it('goes nowhere, and nobody waits for it', () => {
    const scene = new Scene('page');
    scene.asks({ page: 'page', id: 'astray', channel: 'iopub' });
    scene.asks({ page: 'page', id: 'cell' });
    assert.deepEqual(scene.does(), ['send cell']);
  });
});

describe('a control request', () => {
  it('gets the kernel’s answer, though it comes over another connection', () => {
    const scene = debugging();
    scene.reconnects('second');
    assert.deepEqual(scene.does(), ['fence shell']);
    scene.says({ type: 'debug_reply', of: 'debug', page: 'page', channel: 'control' });
    assert.equal(scene.lastAddressee, 'page');
    scene.answersFence();
    assert.deepEqual(scene.does(), []);
  });

  it('that got lost with a connection is answered, before a cell is sent that may take hours', () => {
    const scene = debugging();
    scene.reconnects('second');
    scene.asks({ page: 'page', id: 'cell' });
    assert.deepEqual(scene.does(), ['fence shell']);
    scene.answersFence();
    assert.deepEqual(scene.does(), [
      'debug_reply debug unknown',
      'status debug unknown',
      'send cell',
    ]);
    assert.deepEqual(replyChannels(scene, 'debug_reply'), ['control']);
  });

  it('is answered on its own channel though the log has lost its message', () => {
    const { state } = debugging();
    const [request] = [...state.unanswered].map(asRequest);
    assert.ok(request);
    const { message } = writeAnswer(
      { request, cause: 'unknown', written: 0 },
      undefined,
      'kernel',
      NOW,
    );
    const { channel, header, parent } = readMessage(message);
    assert.deepEqual(
      [channel, header.msg_type, parent.msg_id],
      ['control', 'debug_reply', 'debug'],
    );
  });
});

describe('a request to end the kernel', () => {
  it('is not answered while the gateway is at it, whatever becomes of the connection', () => {
    const scene = ending();
    scene.reconnects('second');
    assert.deepEqual(scene.does(), []);
  });

  it('that is to start it anew is answered when the gateway has done it, as the kernel would', () => {
    const scene = ending();
    scene.append({ kind: 'restarting' });
    scene.append({ kind: 'restarted', cause: 'restarted' });
    assert.deepEqual(scene.does(), []);
    scene.append({ kind: 'shutdownDone' });
    assert.deepEqual(scene.does(), ['shutdown_reply end done', 'status end done']);
    const reply = scene.log.findLast(({ body }) => body?.header.msg_type === 'shutdown_reply');
    assert.equal(reply?.body?.channel, 'control');
    assert.deepEqual(reply.body.content(), { status: 'ok', restart: true });
  });

  it('is answered when the gateway has not done it', () => {
    const scene = ending();
    scene.append({ kind: 'shutdownFailed' });
    assert.deepEqual(scene.does(), ['shutdown_reply end unknown', 'status end unknown']);
    assert.deepEqual(replyChannels(scene, 'shutdown_reply'), ['control']);
  });
});

/** A request of the debugger was sent. */
function debugging(): Scene {
  const scene = new Scene('page');
  scene.asks({ page: 'page', id: 'debug', type: 'debug_request', channel: 'control' });
  assert.deepEqual(scene.does(), []);
  return scene;
}

function ending(): Scene {
  const scene = new Scene('page');
  scene.asks({ page: 'page', id: 'end', type: 'shutdown_request', channel: 'control' });
  return scene;
}

function replyChannels(scene: Scene, type: string): (string | undefined)[] {
  const replies = scene.log.filter(({ entry }) => entry.kind === 'message' && entry.type === type);
  return replies.map(({ body }) => body?.channel);
}
