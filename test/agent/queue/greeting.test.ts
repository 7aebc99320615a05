// Which relay goes on with its channel, and which gets another: whoever cannot have had what it says it had.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Hello } from '../../../agent/channel/frames.ts';
import type { Entry } from '../../../agent/queue/entry.ts';
import { greet } from '../../../agent/queue/greeting.ts';
import type { Greeting } from '../../../agent/queue/greeting.ts';
import { reduce } from '../../../agent/queue/reduce.ts';
import { NEW_KERNEL } from '../../../agent/queue/state.ts';

const KEY = 'page';
type Said = NonNullable<Hello['channel']>;

/** An agent that greets relays, and a log that it writes the greetings into. */
class Door {
  state = NEW_KERNEL;
  log = { head: 20, first: 1 };
  #made = 0;

  greets(channel: Said | undefined, received = 20, key = KEY): Greeting & { told: Said } {
    const hello = { kind: 'hello', ...(channel && { channel }), received, delivered: 0 } as const;
    const made = () => `made-${(this.#made += 1)}`;
    const greeting = greet(this.state, key, hello, this.log, made);
    this.writes(greeting.entry);
    const { incarnation, epoch } = greeting.entry;
    return { ...greeting, told: { incarnation, epoch } };
  }

  writes(entry: Entry): void {
    this.state = reduce(this.state, entry, this.log.head + 1);
  }

  hearsFrom(key = KEY): void {
    this.writes({ kind: 'channelConfirmed', key });
  }
}

describe('a relay that says hello', () => {
  it('gets a channel when it has none', () => {
    const { isResumed, entry } = new Door().greets(undefined, 0);
    assert.equal(isResumed, false);
    assert.deepEqual(entry, { kind: 'channel', key: KEY, incarnation: 'made-1', epoch: 1 });
  });

  it('goes on with its channel, in another epoch each time', () => {
    const door = new Door();
    let { told } = door.greets(undefined);
    for (let epoch = 2; epoch < 5; epoch += 1) {
      door.hearsFrom();
      const greeting = door.greets(told);
      assert.equal(greeting.isResumed, true);
      assert.deepEqual(greeting.entry, {
        ...{ kind: 'channel', key: KEY, incarnation: 'made-1' },
        ...{ epoch, previousEpoch: epoch - 1 },
      });
      told = greeting.told;
    }
  });

  it('goes on when it has not heard the welcome to its last connection, nor to those before', () => {
    const door = new Door();
    const { told } = door.greets(undefined);
    for (const epoch of [2, 3, 4]) {
      const { isResumed, entry } = door.greets(told);
      assert.deepEqual([isResumed, entry.epoch, entry.previousEpoch], [true, epoch, told.epoch]);
    }
  });

  it('is not the one that it is a copy of, once that one was heard in a later epoch', () => {
    const door = new Door();
    const { told: copied } = door.greets(undefined);
    const { told: later } = door.greets(copied);
    door.hearsFrom();
    const copy = door.greets(copied);
    assert.deepEqual([copy.isResumed, copy.told], [false, { incarnation: 'made-2', epoch: 1 }]);
    // Now the copy has the channel: the other one has lost it, and is told so.
    assert.equal(door.greets(later).isResumed, false);
  });

  it('goes on as one of two copies, whichever was first', () => {
    const door = new Door();
    const { told: copied } = door.greets(undefined);
    door.hearsFrom();
    const first = door.greets(copied);
    const second = door.greets(copied);
    assert.deepEqual([first.isResumed, second.isResumed], [true, true]);
    assert.notDeepEqual(first.told, second.told);
    assert.equal(door.greets(first.told).isResumed, false);
  });

  it('does not go on in an epoch of two welcomes ago that were both heard', () => {
    const door = new Door();
    const { told: first } = door.greets(undefined);
    const { told: second } = door.greets(first);
    door.greets(second);
    assert.equal(door.greets(first).isResumed, false);
  });

  const STRANGERS: [string, Said | undefined][] = [
    ['says that it has none', undefined],
    ['names another channel', { incarnation: 'made-0', epoch: 1 }],
    ['names the channel of another page', { incarnation: 'made-2', epoch: 1 }],
    ['names an epoch to come', { incarnation: 'made-1', epoch: 2 }],
    ['names an epoch before the first', { incarnation: 'made-1', epoch: 0 }],
  ];
  for (const [name, channel] of STRANGERS) {
    it(`gets a channel of its own when it ${name}`, () => {
      const door = new Door();
      door.greets(undefined);
      door.greets(undefined, 20, 'other page');
      const { isResumed, told } = door.greets(channel);
      assert.deepEqual([isResumed, told], [false, { incarnation: 'made-3', epoch: 1 }]);
    });
  }

  it('gets a channel of its own when the agent has forgotten it', () => {
    const door = new Door();
    const { told } = door.greets(undefined);
    door.writes({ kind: 'channelGone', key: KEY });
    assert.equal(door.greets(told).isResumed, false);
  });

  const PLACES: [string, number, { head: number; first: number }, boolean][] = [
    ['has all of it', 20, { head: 20, first: 1 }, true],
    ['has nothing of a log that is whole', 0, { head: 20, first: 1 }, true],
    ['has nothing, and nothing was said', 0, { head: 0, first: 1 }, true],
    ['has what lies before the oldest of it', 9, { head: 20, first: 10 }, true],
    ['lacks one that is forgotten', 8, { head: 20, first: 10 }, false],
    ['has all, and all is forgotten', 20, { head: 20, first: 21 }, true],
    ['has one more than there is', 21, { head: 20, first: 1 }, false],
  ];
  for (const [name, received, log, goesOn] of PLACES) {
    it(`${goesOn ? 'goes on' : 'begins anew'} when, of the log, it ${name}`, () => {
      const door = new Door();
      const { told } = door.greets(undefined);
      door.log = log;
      assert.equal(door.greets(told, received).isResumed, goesOn);
    });
  }

  it('keeps what was counted of its requests when it goes on, and counts anew in another channel', () => {
    const door = new Door();
    const { told } = door.greets(undefined);
    const request = { kind: 'request', id: 'r', type: 'comm_msg', lane: 'shell' } as const;
    door.writes({ ...request, channel: KEY, number: 7 });
    const counted = () => door.state.channels.get(KEY)?.received;
    door.greets(told);
    assert.equal(counted(), 7);
    door.greets(undefined);
    assert.equal(counted(), 0);
  });
});
