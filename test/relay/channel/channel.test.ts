// The relay's end of a channel, with an agent that the test plays: what is sent again after a cut and what is not, what a
// front-end is told while there is no way, and what outlives the relay.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { CLOSE } from '../../../agent/channel/frames.ts';
import { V1_SUBPROTOCOL, readMessage } from '../../../agent/channel/messages.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';
import {
  PlayedAgent,
  collect,
  handshake,
  openBoth,
  openFront,
  request,
  wordsOf,
} from './played-agent.ts';

describe('a channel of the relay', () => {
  it('sends again what was not acknowledged, with the same numbers, and nothing else', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay);
    front.send(request('m1'));
    await agent.gets(1);
    agent.say({ kind: 'ack', upTo: 1 });
    front.send(request('m2'));
    await agent.gets(2);
    agent.cut();
    await until('it is there again', () => agent.hellos.length === 2);
    await agent.gets(3);
    assert.deepEqual(
      agent.requests.map(({ sequence }) => sequence),
      [1, 2, 2],
    );
    assert.deepEqual(agent.hellos[1]?.channel, { incarnation: 'i1', epoch: 1 });
  });

  it('goes on behind what it has received, and acknowledges what its front-end has', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const got = collect(await openFront(t, relay));
    agent.deliver(5, 'one');
    agent.deliver(9, 'two');
    await until('both have come', () => got.length === 2);
    await until('both are acknowledged', () => agent.acknowledged === 9);
    agent.cut();
    await until('it is there again', () => agent.hellos.length === 2);
    assert.deepEqual([agent.hellos[1]?.received, agent.hellos[1]?.delivered], [9, 9]);
    agent.deliver(9, 'two');
    agent.deliver(12, 'three');
    await until('what is new has come', () => got.length === 3);
    assert.deepEqual(got.map(wordsOf), ['one', 'two', 'three']);
  });

  it('says what its front-end had seen, and how long a request has waited', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay);
    const got = collect(front);
    agent.deliver(7, 'seen');
    await until('it has come', () => got.length === 1);
    agent.isAnswering = false;
    agent.cut();
    front.send(request('m1'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    agent.isAnswering = true;
    agent.cut();
    await agent.gets(1);
    const [sent] = agent.requests;
    assert.equal(sent?.seen, 7);
    assert.ok(sent.waitedMilliseconds >= 90, `${sent.waitedMilliseconds} ms`);
  });

  it('delivers after a restart of the relay what its front-end has sent before', async (t) => {
    const channelsDir = temporaryFolder(t);
    const silent = new PlayedAgent();
    const first = await silent.relay(t, { channelsDir });
    const front = await openFront(t, first);
    silent.isAnswering = false;
    silent.cut();
    for (const id of ['m1', 'm2']) front.send(request(id));
    front.ping();
    await once(front, 'pong');
    await first.close();
    const agent = new PlayedAgent();
    await agent.relay(t, { channelsDir });
    await agent.gets(2);
    assert.deepEqual(
      agent.requests.map(({ message }) => readMessage(message).header.msg_id),
      ['m1', 'm2'],
    );
    assert.deepEqual(agent.hellos[0]?.channel, { incarnation: 'i1', epoch: 1 });
  });

  it('keeps what its front-end sends until it sees that the relay hangs up, as on a cut', async (t) => {
    const channelsDir = temporaryFolder(t);
    const silent = new PlayedAgent();
    const first = await silent.relay(t, { channelsDir });
    const front = await openFront(t, first);
    const closing = first.close();
    front.send(request('m1'));
    const [code] = (await once(front, 'close')) as [number];
    assert.equal(code, 1006);
    await closing;
    const agent = new PlayedAgent();
    await agent.relay(t, { channelsDir });
    await agent.gets(1);
    assert.equal(readMessage(agent.requests[0]?.message ?? Buffer.alloc(0)).header.msg_id, 'm1');
  });

  it('gives a front-end that comes back what it has not confirmed', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const session = randomUUID();
    const deaf = await openFront(t, relay, { autoPong: false }, [V1_SUBPROTOCOL], session);
    const gotDeaf = collect(deaf);
    agent.deliver(5, 'one');
    await until('it has come', () => gotDeaf.length === 1);
    deaf.terminate();
    const { got } = await openBoth(t, relay, session);
    await until('it comes again', () => got.length === 1);
    assert.equal(wordsOf(got[0]), 'one');
    await until('it is acknowledged', () => agent.acknowledged === 5);
  });

  it('speaks the older protocol with a front-end that offers no other', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay, {}, []);
    front.send(
      JSON.stringify({
        header: { msg_id: 'm1', msg_type: 'execute_request' },
        ...{ parent_header: {}, metadata: {}, content: { code: '1' }, channel: 'shell' },
      }),
    );
    await agent.gets(1);
    const sent = readMessage(agent.requests[0]?.message ?? Buffer.alloc(0));
    assert.deepEqual([sent.channel, sent.content()], ['shell', { code: '1' }]);
    const texts: unknown[] = [];
    front.on('message', (data: Buffer, isBinary) => {
      assert.equal(isBinary, false);
      texts.push((JSON.parse(data.toString()) as { content: { text?: string } }).content.text);
    });
    agent.deliver(1, 'hello');
    await until('it has come', () => texts.includes('hello'));
  });

  it('refuses control messages at once while there is no way', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay);
    const got = collect(front);
    agent.isAnswering = false;
    agent.cut();
    await until('the way is down', () => agent.connections === 2);
    front.send(request('late', 'control', 'interrupt_request'));
    await until('it is refused', () =>
      got.some(({ header }) => header.msg_type === 'interrupt_reply'),
    );
    agent.isAnswering = true;
    agent.cut();
    await until('it is there again', () => agent.hellos.length === 2);
    assert.equal(agent.requests.length, 0);
  });

  it('says of what may have been sent in a channel that the agent has forgotten that nobody knows', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay);
    const got = collect(front);
    front.send(request('m1'));
    await agent.gets(1);
    agent.incarnation = 'i2';
    agent.cut();
    await until('it is answered', () =>
      got.some(({ header }) => header.msg_type === 'execute_reply'),
    );
    const reply = got.find(({ header }) => header.msg_type === 'execute_reply');
    assert.equal((reply?.content() as { status: string }).status, 'error');
    front.send(request('m2'));
    await agent.gets(2);
    assert.deepEqual(
      agent.requests.map(({ sequence }) => sequence),
      [1, 1],
    );
  });

  it('aborts what waits when the kernel is gone, and lets nobody in again', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay);
    const got = collect(front);
    front.send(request('m1'));
    await agent.gets(1);
    const closed = once(front, 'close');
    agent.say({ kind: 'dead', reason: 'it has ended' });
    assert.equal((await closed)[0], 1000);
    const reply = got.find(({ header }) => header.msg_type === 'execute_reply');
    assert.equal((reply?.content() as { status: string }).status, 'aborted');
  });

  it('gives up when another relay has taken its place', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const front = await openFront(t, relay);
    const closed = once(front, 'close');
    agent.cut(CLOSE.superseded);
    assert.equal((await closed)[0], 1000);
    assert.equal(agent.connections, 1);
  });

  it('keeps a front-end through a short cut, shows it a long one, and does not let it give up', async (t) => {
    const agent = new PlayedAgent();
    const relay = await agent.relay(t);
    const session = randomUUID();
    const front = await openFront(t, relay, {}, [V1_SUBPROTOCOL], session);
    const closed = once(front, 'close');
    agent.isAnswering = false;
    agent.cut();
    assert.equal((await closed)[0], 1006);
    for (const status of [503, 503, 503, 101]) {
      assert.equal(await handshake(t, relay, session), status);
    }
    agent.isAnswering = true;
    agent.cut();
    assert.equal(await handshake(t, relay, session), 101);
  });
});
