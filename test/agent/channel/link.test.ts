// One end of a channel's connection: its window, both cursors, and what a new connection makes of them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Link } from '../../../agent/channel/link.ts';

const NOWHERE = { received: 0, delivered: 0 };

describe('a link', () => {
  it('sends no more than its window, and more as it is acknowledged', () => {
    const link = new Link(NOWHERE, 100);
    assert.equal(link.maySend, false);
    link.connected(NOWHERE);
    for (const sequence of [3, 7, 8, 20]) link.send(sequence, 30);
    assert.equal(link.maySend, false);
    assert.equal(link.acknowledged(7), true);
    assert.equal(link.maySend, true);
    assert.equal(link.acknowledged(7), false);
    for (const sequence of [21, 22]) link.send(sequence, 30);
    assert.equal(link.maySend, false);
    link.acknowledged(22);
    assert.deepEqual([link.maySend, link.sent, link.confirmed], [true, 22, 22]);
    assert.throws(() => link.acknowledged(23), RangeError);
  });

  it('takes each message once, and goes on behind what has arrived or, rewound, was kept', () => {
    const link = new Link(NOWHERE);
    assert.deepEqual(
      [5, 5, 4, 9].map((sequence) => link.arrived(sequence)),
      [true, false, false, true],
    );
    link.deliver(5, 10);
    link.rewind(0);
    assert.deepEqual([link.received, link.delivered], [5, 5]);
    assert.equal(link.arrived(9), true);
    link.rewind(20);
    assert.equal(link.received, 9);
  });

  it('acknowledges what was delivered and not what has only arrived, once', () => {
    const link = new Link(NOWHERE);
    link.connected(NOWHERE);
    link.arrived(5);
    assert.equal(link.dueAcknowledgement(true), undefined);
    link.deliver(5, 10);
    assert.equal(link.dueAcknowledgement(false), undefined);
    assert.equal(link.dueAcknowledgement(true), 5);
    assert.equal(link.dueAcknowledgement(true), undefined);
    link.deliver(6, 300_000);
    assert.equal(link.dueAcknowledgement(false), 6);
  });

  it('takes 200,000 small acknowledged messages in the time that they take', () => {
    const link = new Link(NOWHERE, Infinity);
    link.connected(NOWHERE);
    for (let sequence = 1; sequence <= 200_000; sequence += 1) link.send(sequence, 40);
    const { user } = process.cpuUsage();
    for (let sequence = 1; sequence <= 200_000; sequence += 1) link.acknowledged(sequence);
    const milliseconds = (process.cpuUsage().user - user) / 1000;
    assert.ok(milliseconds < 1_000, `${milliseconds} ms`);
  });
});
