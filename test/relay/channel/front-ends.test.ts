// What front-ends do to a channel of the relay: they come twice, go while something is due to them, lag, and send what
// cannot be sent.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { WebSocket } from 'ws';
import { MAX_REQUEST_BYTES, POSITION_HEADER } from '../../../agent/channel/frames.ts';
import { WINDOW_BYTES } from '../../../agent/channel/link.ts';
import type { Message } from '../../../agent/channel/messages.ts';
import { V1_SUBPROTOCOL, readMessage, writeMessage } from '../../../agent/channel/messages.ts';
import { requireProgram } from '../../helpers/requires.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';
import { HEADERS } from '../scripted-agent.ts';
import {
  PlayedAgent,
  collect,
  handshake,
  openBoth,
  openFront,
  request,
  wordsOf,
} from './played-agent.ts';

const MIB = 1_048_576;
const V1 = [V1_SUBPROTOCOL];

describe('a front-end that comes again with the same session id', () => {
  it('takes the place of the one before, which is closed', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const session = randomUUID();
    const older = await openFront(t, relay, {}, V1, session);
    const gotOlder = collect(older);
    const closed = once(older, 'close');
    older.send(request('m1'));
    await agent.gets(1);
    const newer = await openFront(t, relay, {}, V1, session);
    const gotNewer = collect(newer);
    assert.equal((await closed)[0], 1000);
    newer.send(request('m2'));
    await agent.gets(2);
    agent.deliver(1, 'hello');
    await until('it has come', () => gotNewer.length === 1);
    assert.deepEqual([gotOlder.length, agent.connections], [0, 1]);
    assert.deepEqual(
      agent.requests.map(({ sequence }) => sequence),
      [1, 2],
    );
  });

  it('hears what became of its requests while it was away, and what the kernel had said', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const session = randomUUID();
    const front = await openFront(t, relay, { autoPong: false }, V1, session);
    front.send(request('m1'));
    await agent.gets(1);
    const before = collect(front);
    agent.deliver(1, 'half of it');
    await until('it has come', () => before.length === 1);
    front.terminate();
    await once(front, 'close');
    agent.incarnation = 'i2';
    agent.cut();
    await until('another channel has begun', () => agent.hellos.length === 2);
    const { got } = await openBoth(t, relay, session);
    await until('it is answered', () => replyTo(got, 'm1'));
    assert.equal(wordsOf(got[0]), 'half of it');
    assert.equal(statusOf(replyTo(got, 'm1')), 'error');
  });

  it('hears it from the next relay, if the one that had its requests was ended', async (t) => {
    const channelsDir = temporaryFolder(t);
    const agent = new PlayedAgent();
    const first = await agent.relay(t, { channelsDir });
    const session = randomUUID();
    const front = await openFront(t, first, {}, V1, session);
    front.send(request('m1'));
    await agent.gets(1);
    await first.close();
    agent.incarnation = 'i2';
    const second = await agent.relay(t, { channelsDir });
    await until('another channel has begun', () => agent.hellos.length === 2);
    const { got } = await openBoth(t, second, session);
    await until('it is answered', () => replyTo(got, 'm1'));
    assert.equal(statusOf(replyTo(got, 'm1')), 'error');
    assert.equal(agent.requests.length, 1);
  });

  it('hears it from the next relay, if the one that had the answer was killed', async (t) => {
    const channelsDir = temporaryFolder(t);
    const agent = new PlayedAgent();
    const first = await agent.relay(t, { channelsDir });
    const session = randomUUID();
    const front = await openFront(t, first, {}, V1, session);
    front.send(request('m1'));
    await agent.gets(1);
    front.terminate();
    await once(front, 'close');
    agent.incarnation = 'i2';
    agent.beginning = 40;
    agent.cut();
    await until('another channel has begun', () => agent.acknowledged === 40);
    // What a killed relay leaves is what is on the disk.
    const left = temporaryFolder(t);
    cpSync(channelsDir, left, { recursive: true });
    const next = new PlayedAgent();
    next.incarnation = 'i2';
    const second = await next.relay(t, { channelsDir: left });
    const { got } = await openBoth(t, second, session);
    await until('it is answered', () => replyTo(got, 'm1'));
    assert.equal(statusOf(replyTo(got, 'm1')), 'error');
  });

  it('hears an answer again that it has not confirmed, and once only if it has', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const session = randomUUID();
    const deaf = await openFront(t, relay, { autoPong: false }, V1, session);
    const gotDeaf = collect(deaf);
    deaf.send(request('now', 'control', 'interrupt_request'));
    await agent.gets(1);
    agent.cut();
    await until('it is answered', () => replyTo(gotDeaf, 'now'));
    deaf.terminate();
    await once(deaf, 'close');
    const hearing = await openBoth(t, relay, session);
    await until('it is answered again', () => replyTo(hearing.got, 'now'));
    await until('it was asked to confirm', () => hearing.pings() > 0);
    await arrived(hearing.front);
    hearing.front.terminate();
    await once(hearing.front, 'close');
    const last = await openBoth(t, relay, session);
    await arrived(last.front);
    assert.equal(replyTo(last.got, 'now'), undefined);
  });
});

describe('what a front-end sends', () => {
  it('is sent in the next channel, if it certainly was not in the one before', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t, { timings: { firstPause: 20, grace: 60_000 } });
    const front = await openFront(t, relay);
    const got = collect(front);
    front.send(request('m1'));
    await agent.gets(1);
    agent.isAnswering = false;
    agent.cut();
    await until('the way is down', () => agent.connections === 2);
    front.send(request('m2'));
    front.send(request('m3'));
    await arrived(front);
    agent.incarnation = 'i2';
    agent.beginning = 40;
    agent.isAnswering = true;
    agent.cut();
    await agent.gets(3);
    await until('the first is answered', () => replyTo(got, 'm1'));
    assert.deepEqual(agent.requests.map(idOf), ['m1', 'm2', 'm3']);
    assert.deepEqual(
      agent.requests.slice(1).map(({ sequence, seen }) => [sequence, seen]),
      [
        [1, 40],
        [2, 40],
      ],
    );
    assert.ok(!replyTo(got, 'm2') && !replyTo(got, 'm3'));
  });

  it('is refused with an answer if it is larger than a kernel can be sent', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay);
    const got = collect(front);
    front.send(request('small'));
    front.send(large('large', MAX_REQUEST_BYTES));
    front.send(request('next'));
    await until('it is answered', () => replyTo(got, 'large'));
    assert.equal(statusOf(replyTo(got, 'large')), 'error');
    await agent.gets(2);
    assert.deepEqual(agent.requests.map(idOf), ['small', 'next']);
    assert.equal(agent.requests[1]?.sequence, 2);
  });

  it('is refused with an answer while the disk is full', async (t) => {
    if (!requireProgram(t, 'prlimit')) return;
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay);
    const got = collect(front);
    front.send(request('before'));
    await agent.gets(1);
    limitFiles(t, MIB);
    front.send(large('too much', 2 * MIB));
    await until('it is answered', () => replyTo(got, 'too much'));
    assert.equal(statusOf(replyTo(got, 'too much')), 'error');
    front.send(request('after'));
    await agent.gets(2);
    assert.deepEqual(
      agent.requests.map((sent) => [sent.sequence, idOf(sent)]),
      [
        [1, 'before'],
        [2, 'after'],
      ],
    );
  });

  it('is answered when the connection breaks, if it went to the control channel', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay);
    const got = collect(front);
    front.send(request('now', 'control', 'interrupt_request'));
    await agent.gets(1);
    assert.equal(agent.requests[0]?.sequence, 0);
    agent.cut();
    await until('it is answered', () => replyTo(got, 'now'));
    assert.match(failureOf(replyTo(got, 'now')), NOBODY_KNOWS);
    await until('it is there again', () => agent.hellos.length === 2);
    assert.equal(agent.requests.length, 1);
  });

  it('is answered by the next relay, if it went to the control channel while the relay hung up', async (t) => {
    const channelsDir = temporaryFolder(t);
    const agent = new PlayedAgent();
    const first = await agent.relay(t, { channelsDir });
    const session = randomUUID();
    const front = await openFront(t, first, {}, V1, session);
    front.send(request('before', 'control', 'interrupt_request'));
    await agent.gets(1);
    const closed = once(front, 'close');
    const closing = first.close();
    front.send(request('after', 'control', 'interrupt_request'));
    await closed;
    await closing;
    const { got } = await openBoth(t, await agent.relay(t, { channelsDir }), session);
    await until('both are answered', () => replyTo(got, 'before') && replyTo(got, 'after'));
    assert.match(failureOf(replyTo(got, 'before')), NOBODY_KNOWS);
    assert.match(failureOf(replyTo(got, 'after')), /was not delivered/);
    assert.equal(agent.requests.length, 1);
  });

  it('is answered when the kernel ends, if it went to the control channel', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay);
    const got = collect(front);
    const closed = once(front, 'close');
    front.send(request('now', 'control', 'interrupt_request'));
    await agent.gets(1);
    agent.say({ kind: 'dead', reason: 'it has ended' });
    await closed;
    assert.match(failureOf(replyTo(got, 'now')), NOBODY_KNOWS);
  });

  it('was sent in the knowledge of a restart that the relay has passed on', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(
      t,
      {},
      {
        answer: (_request, response) => {
          response.setHeader(POSITION_HEADER, '33').end('{}');
        },
      },
    );
    const front = await openFront(t, relay);
    const restart = { method: 'POST', headers: HEADERS };
    const answer = await fetch(`${relay.origin}/api/kernels/k1/restart`, restart);
    assert.equal(answer.headers.get(POSITION_HEADER), null);
    front.send(request('m1'));
    await agent.gets(1);
    assert.equal(agent.requests[0]?.seen, 33);
  });

  it('closes its connection if it is no kernel message', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    for (const [protocols, data] of [
      [V1, Buffer.from('nothing that is known')],
      [[], '{"header":{}}'],
    ] as const) {
      const front = await openFront(t, relay, {}, [...protocols]);
      const closed = once(front, 'close');
      front.send(data);
      assert.equal((await closed)[0], 1007);
    }
    assert.equal(agent.requests.length, 0);
  });
});

describe('a front-end that does not say who it is', () => {
  it('leaves nothing behind when it goes, when it is refused, and when the relay ends', async (t) => {
    const channelsDir = temporaryFolder(t);
    const left = () => readdirSync(channelsDir);
    const agent = new PlayedAgent();
    const relay = await agent.relay(t, { channelsDir });
    const front = await openFront(t, relay, {}, V1, '');
    assert.equal(left().length, 1);
    front.terminate();
    await until('it has left nothing', () => left().length === 0);
    agent.isAnswering = false;
    assert.equal(await handshake(t, relay, ''), 503);
    await until('it has left nothing', () => left().length === 0);
    agent.isAnswering = true;
    await openFront(t, relay, {}, V1, '');
    await relay.close();
    await until('it has left nothing', () => left().length === 0);
  });

  it('leaves what it has sent, until that is delivered', async (t) => {
    const channelsDir = temporaryFolder(t);
    const agent = new PlayedAgent();
    const relay = await agent.relay(t, { channelsDir });
    const front = await openFront(t, relay, {}, V1, '');
    const closed = once(front, 'close');
    agent.isAnswering = false;
    agent.cut();
    await until('the way is down', () => agent.connections === 2);
    front.send(request('m1'));
    await closed;
    agent.isAnswering = true;
    agent.cut();
    await agent.gets(1);
    agent.say({ kind: 'ack', upTo: 1 });
    await until('nothing is left', () => readdirSync(channelsDir).length === 0);
  });

  it('leaves nothing in the next relay either, once it is delivered', async (t) => {
    const channelsDir = temporaryFolder(t);
    const silent = new PlayedAgent();
    const first = await silent.relay(t, { channelsDir });
    const front = await openFront(t, first, {}, V1, '');
    const closed = once(front, 'close');
    const closing = first.close();
    front.send(request('m1'));
    await closed;
    await closing;
    const agent = new PlayedAgent();
    await agent.relay(t, { channelsDir });
    await agent.gets(1);
    agent.say({ kind: 'ack', upTo: 1 });
    await until('nothing is left', () => readdirSync(channelsDir).length === 0);
  });
});

describe('a front-end of a kernel that the agent does not know', () => {
  it('is not let in, and told that there is none', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t, {}, { refusal: () => 404 });
    assert.equal(await handshake(t, relay, randomUUID()), 404);
  });

  it('is told when the kernel went during a cut what had begun, what may have, and what was never sent', async (t) => {
    const agent = new PlayedAgent();
    let status: number | undefined;
    let refusals = 0;
    const refusal = () => {
      if (status !== undefined) refusals += 1;
      return status;
    };
    const timings = { firstPause: 20, grace: 60_000 };
    const relay = await agent.relay(t, { timings }, { refusal });
    const session = randomUUID();
    const front = await openFront(t, relay, {}, V1, session);
    const got = collect(front);
    const closed = once(front, 'close');
    for (const id of ['m1', 'm2', 'm3']) front.send(request(id));
    await agent.gets(3);
    agent.say({ kind: 'ack', upTo: 2 });
    agent.deliverAs(1, 'status', { execution_state: 'busy' }, { msg_id: 'm1' });
    await until('it has come', () => agent.acknowledged === 1);
    status = 503;
    agent.cut();
    await until('the way is down', () => refusals > 0);
    front.send(request('m4'));
    await arrived(front);
    status = 404;
    assert.equal((await closed)[0], 1000);
    for (const [id, words] of [
      ['m1', /had begun/],
      ['m2', /not known/],
      ['m3', /not known/],
      ['m4', /Not run/],
    ] as const) {
      assert.equal(statusOf(replyTo(got, id)), 'aborted');
      assert.match(shownFor(got, id), words);
    }
    assert.equal(await handshake(t, relay, session), 404);
  });
});

describe('a front-end that comes while the kernel runs', () => {
  it('is told what the kernel does, as the agent has said it last', async (t) => {
    const agent = new PlayedAgent();
    agent.executionState = 'busy';
    const relay = await agent.relay(t);
    const session = randomUUID();
    const first = await openBoth(t, relay, session);
    await until('it is told', () => first.states.length > 0);
    assert.deepEqual(first.states, ['busy']);
    agent.deliverAs(1, 'status', { execution_state: 'idle' });
    await until('it hears the kernel', () => first.states.length === 2);
    await until('it is acknowledged', () => agent.acknowledged === 1);
    const second = await openBoth(t, relay, session);
    await until('it is told', () => second.states.length > 0);
    assert.deepEqual(second.states, ['idle']);
  });

  it('is told in the session of the kernel’s messages, or JupyterLab would throw away those before it', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const session = randomUUID();
    const first = await openBoth(t, relay, session);
    await until('it is told', () => first.states.length === 1);
    agent.session = 'the next process’s';
    agent.deliver(1, 'from it');
    await until('it has come', () => first.got.length === 1);
    const second = await openBoth(t, relay, session);
    await until('it is told', () => second.states.length === 1);
    agent.isAnswering = false;
    agent.cut();
    await until('there is another connection', () => agent.connections === 2);
    second.front.send(request('interrupt', 'control', 'interrupt_request'));
    await until('it is refused', () => replyTo(second.got, 'interrupt'));
    assert.deepEqual(new Set(first.sessions), new Set(['the kernel’s', 'the next process’s']));
    assert.deepEqual(new Set(second.sessions), new Set(['the next process’s']));
  });

  it('is told after a cut only if something has changed', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const { states, front } = await openBoth(t, relay, randomUUID());
    agent.cut();
    await until('it is there again', () => agent.hellos.length === 2);
    agent.executionState = 'busy';
    agent.cut();
    await until('it is told', () => states.includes('busy'));
    await arrived(front);
    assert.deepEqual(states, ['idle', 'busy']);
  });
});

describe('a front-end that hears that its kernel is restarting', () => {
  it('is not told again when it has gone because of it', async (t) => {
    const { agent, relay, session, front } = await toldOfRestart(t);
    front.close();
    await once(front, 'close');
    const { got, states } = await openBoth(t, relay, session);
    agent.deliver(2, 'from the next process');
    await until('it goes on', () => got.length === 1);
    assert.ok(!states.includes('restarting'), states.join());
  });

  it('is told again when it was cut', async (t) => {
    const { relay, session, front } = await toldOfRestart(t);
    front.terminate();
    await once(front, 'close');
    const { states } = await openBoth(t, relay, session);
    await until('it is told again', () => states.includes('restarting'));
  });
});

/** JupyterLab closes its WebSocket at once, and does not answer what comes behind. */
async function toldOfRestart(t: TestContext) {
  const agent = new PlayedAgent();
  const relay = await agent.relay(t);
  const session = randomUUID();
  const front = await openFront(t, relay, { autoPong: false }, V1, session);
  const told: string[] = [];
  collect(front, told);
  agent.deliverAs(1, 'status', { execution_state: 'restarting' });
  await until('it is told', () => told.includes('restarting'));
  return { agent, relay, session, front };
}

describe('a front-end that lags', () => {
  it('gets 100 MB in order in the end, and the relay keeps no more than a window of it', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay);
    const words = 'x'.repeat(MIB / 4);
    const count = 400;
    let [sent, next, acknowledged] = [0, 1, -1];
    front.on('message', (data: Buffer) => {
      const message = readMessage(data);
      if (message.header.msg_type === 'status') return;
      assert.ok(wordsOf(message).startsWith(`${next} `));
      next += 1;
    });
    // As the agent does: no more than a window without an acknowledgement.
    const send = () => {
      for (; sent < count && sent - agent.acknowledged < WINDOW_BYTES / words.length; sent += 1) {
        agent.deliver(sent + 1, `${sent + 1} ${words}`);
      }
    };
    front.pause();
    await until('nothing more is acknowledged', () => {
      send();
      const isSettled = acknowledged === agent.acknowledged;
      acknowledged = agent.acknowledged;
      return isSettled;
    });
    // What the operating system holds on the way counts as little as what has come.
    assert.ok(sent < count / 4, `${sent} of ${count} were taken`);
    front.resume();
    await until('all have come', () => {
      send();
      return next === count + 1;
    });
    await until('all are acknowledged', () => agent.acknowledged === count);
  });
});

/** Everything that was sent before has reached the relay. */
async function arrived(front: WebSocket): Promise<void> {
  front.ping();
  await once(front, 'pong');
}

function replyTo(got: readonly Message[], id: string): Message | undefined {
  return got.find(
    ({ header, parent }) => header.msg_type.endsWith('_reply') && parent.msg_id === id,
  );
}

function statusOf(reply: Message | undefined): string {
  return (reply?.content() as { status: string }).status;
}

/** The error that a cell shows. */
function shownFor(got: readonly Message[], id: string): string {
  const shown = got.find(
    ({ header, parent }) => header.msg_type === 'error' && parent.msg_id === id,
  );
  return failureOf(shown);
}

/** What a request is told that was on the wire. */
const NOBODY_KNOWS = /not known/;

function failureOf(reply: Message | undefined): string {
  return (reply?.content() as { evalue: string }).evalue;
}

function idOf({ message }: { message: Buffer }): string {
  return readMessage(message).header.msg_id;
}

function large(id: string, bytes: number): Buffer {
  return writeMessage({
    channel: 'shell',
    header: { msg_id: id, msg_type: 'execute_request' },
    content: {},
    buffers: [Buffer.alloc(bytes)],
  });
}

/** No file of this process may become larger, until the test ends. */
function limitFiles(t: TestContext, bytes: number): void {
  const limit = (value: string) => {
    const { status, stderr } = spawnSync('prlimit', [
      ...['--pid', String(process.pid)],
      `--fsize=${value}:`,
    ]);
    assert.equal(status, 0, String(stderr));
  };
  // Unhandled it ends the process, handled the write fails.
  const ignore = () => undefined;
  process.on('SIGXFSZ', ignore);
  t.after(() => {
    limit('unlimited');
    process.off('SIGXFSZ', ignore);
  });
  limit(String(bytes));
}
