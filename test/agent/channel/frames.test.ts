// The codec of a channel's frames: there and back for each of them, and what is no frame is called that.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ControlFrame, Request, Welcome } from '../../../agent/channel/frames.ts';
import {
  ChannelFrameError,
  decodeControl,
  decodeDelivery,
  decodeRequest,
  deliveryHeader,
  encodeControl,
  encodeRequest,
} from '../../../agent/channel/frames.ts';

const MAX_NUMBER = 2 ** 48 - 1;
const CHANNEL = { incarnation: 'first', epoch: 3 };
const HELLO = { kind: 'hello', received: 7, delivered: 5 } as const;
const WELCOME: Welcome = {
  ...{ kind: 'welcome', isResumed: true, channel: CHANNEL, received: 2, delivered: 9 },
  executionState: 'busy',
};

const number = fc.oneof(
  fc.nat(),
  fc.maxSafeNat().map((value) => value % (MAX_NUMBER + 1)),
);
const message = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

describe('a control frame', () => {
  const FRAMES: [string, ControlFrame][] = [
    ['a hello of a relay that is new', HELLO],
    ['a hello of one that comes back', { ...HELLO, channel: CHANNEL }],
    ['a hello with the largest numbers', { ...HELLO, received: Number.MAX_SAFE_INTEGER }],
    ['a welcome', WELCOME],
    ['a welcome to another channel', { ...WELCOME, isResumed: false, executionState: 'starting' }],
    ['a welcome to a kernel that rests', { ...WELCOME, executionState: 'idle' }],
    ['an acknowledgement of nothing yet', { kind: 'ack', upTo: 0 }],
    ['an acknowledgement', { kind: 'ack', upTo: MAX_NUMBER + 1 }],
    ['a goodbye', { kind: 'bye' }],
    ['a kernel’s end', { kind: 'dead', reason: 'Es läuft nicht mehr: “tot” 🪦\n\u0000' }],
    ['a kernel’s end without a word', { kind: 'dead', reason: '' }],
  ];
  for (const [name, frame] of FRAMES) {
    it(`is the same there and back: ${name}`, () => {
      assert.deepEqual(decodeControl(encodeControl(frame)), frame);
    });
  }

  it('may say more than this program knows', () => {
    assert.deepEqual(decodeControl('{"kind":"ack","upTo":4,"since":"tomorrow"}'), {
      ...{ kind: 'ack', upTo: 4 },
    });
    const channel = { ...CHANNEL, colour: 'red' };
    const text = JSON.stringify({ ...HELLO, channel });
    assert.deepEqual(decodeControl(text), { ...HELLO, channel: CHANNEL });
  });

  const BROKEN: [string, unknown][] = [
    ['no object', [HELLO]],
    ['nothing', null],
    ['no kind', { upTo: 3 }],
    ['an unknown kind', { kind: 'greeting' }],
    ['a kind of another type', { kind: 3 }],
    ['the name of what every object has', { kind: 'constructor' }],
    ['a hello without a position', { ...HELLO, received: undefined }],
    ['a hello from before the beginning', { ...HELLO, received: -1 }],
    ['a hello between two messages', { ...HELLO, delivered: 1.5 }],
    ['a hello beyond what is counted', { ...HELLO, received: Number.MAX_SAFE_INTEGER + 1 }],
    ['a hello whose number is text', { ...HELLO, received: '7' }],
    ['a hello of no channel', { ...HELLO, channel: null }],
    ['a hello of a channel without a name', { ...HELLO, channel: { incarnation: '', epoch: 1 } }],
    ['a hello of one without an epoch', { ...HELLO, channel: { incarnation: 'first' } }],
    [
      'a hello of a name without end',
      { ...HELLO, channel: { ...CHANNEL, incarnation: 'x'.repeat(257) } },
    ],
    ['a welcome to no channel', { ...WELCOME, channel: undefined }],
    ['a welcome that does not say whether it goes on', { ...WELCOME, isResumed: 'true' }],
    ['a welcome to a kernel that is something else', { ...WELCOME, executionState: 'dead' }],
    ['an acknowledgement of nothing', { kind: 'ack' }],
    ['an acknowledgement of no number', { kind: 'ack', upTo: null }],
    ['an end without a reason', { kind: 'dead' }],
    ['an end with a reason without end', { kind: 'dead', reason: 'x'.repeat(1_001) }],
  ];
  const TEXTS: [string, string][] = [
    ['an empty one', ''],
    ['text that is no JSON', 'hello'],
    ['one that is cut short', encodeControl(HELLO).slice(0, -1)],
    ['two in one', encodeControl(HELLO) + encodeControl(HELLO)],
    ['a number that is none', '{"kind":"ack","upTo":NaN}'],
    ['a number without end', '{"kind":"ack","upTo":1e999}'],
    ...BROKEN.map(([name, frame]): [string, string] => [name, JSON.stringify(frame)]),
  ];
  for (const [name, text] of TEXTS) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => decodeControl(text), isFrameError('no control frame'));
    });
  }

  it('is a frame or refused, whatever comes', () => {
    const part = fc.oneof(
      fc.constantFrom<unknown>('hello', 'welcome', 'ack', 'bye', 'dead', CHANNEL, true, 'idle', 5),
      fc.jsonValue(),
    );
    const keys = ['kind', 'channel', 'received', 'delivered', 'upTo', 'isResumed', 'reason'];
    const frame = fc.dictionary(fc.constantFrom(...keys, 'executionState', '__proto__'), part);
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      frame.map((it) => JSON.stringify(it)),
    );
    fc.assert(
      fc.property(text, (any) => {
        const frame = decodesOrIsRefused(() => decodeControl(any));
        if (frame) assert.deepEqual(decodeControl(encodeControl(frame)), frame);
      }),
    );
  });
});

describe('a delivery', () => {
  const framed = (sequence: number, body: Buffer) =>
    Buffer.concat([deliveryHeader(sequence), body]);

  it('is the same there and back, whatever the message', () => {
    fc.assert(
      fc.property(number, message, (sequence, body) => {
        assert.deepEqual(decodeDelivery(framed(sequence, body)), { sequence, message: body });
      }),
    );
  });

  for (const sequence of [0, 1, 2 ** 31, 2 ** 32, 2 ** 47, MAX_NUMBER]) {
    it(`carries the number ${sequence} in six bytes`, () => {
      assert.equal(
        deliveryHeader(sequence).toString('hex'),
        sequence.toString(16).padStart(12, '0'),
      );
      assert.equal(decodeDelivery(deliveryHeader(sequence)).sequence, sequence);
    });
  }

  it('may be empty, and shares the memory of a large frame', () => {
    assert.equal(decodeDelivery(deliveryHeader(1)).message.length, 0);
    const frame = framed(2, Buffer.alloc(32 * 1_048_576, 'x'));
    const { message: body } = decodeDelivery(frame);
    assert.equal(body.length, 32 * 1_048_576);
    assert.equal(body.buffer, frame.buffer);
  });

  for (let length = 0; length < 6; length += 1) {
    it(`of ${length} bytes is refused`, () => {
      const frame = deliveryHeader(MAX_NUMBER).subarray(0, length);
      assert.throws(() => decodeDelivery(frame), isFrameError('a frame is cut short'));
    });
  }
});

describe('a request', () => {
  const REQUEST: Request = {
    ...{ sequence: 3, seen: 70_000, waitedMilliseconds: 12 },
    message: Buffer.from('message'),
  };

  it('is the same there and back, whatever the message', () => {
    const request = fc.record(
      {
        sequence: number,
        seen: number,
        waitedMilliseconds: number,
        message,
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(request, (any) => {
        assert.deepEqual(decodeRequest(encodeRequest(any)), any);
      }),
    );
  });

  it('has its three numbers in order before the message', () => {
    const hex = '000000000003' + '000000011170' + '00000000000c';
    const expected = Buffer.concat([Buffer.from(hex, 'hex'), REQUEST.message]);
    assert.deepEqual(encodeRequest(REQUEST), expected);
  });

  const WAITS: [string, number, number][] = [
    ['not at all', 0, 0],
    ['for the largest number', MAX_NUMBER, MAX_NUMBER],
    ['longer than can be said', MAX_NUMBER + 1, MAX_NUMBER],
    ['for ever', Infinity, MAX_NUMBER],
    ['for a part of a millisecond', 12.6, 13],
    ['for less than nothing, when a clock was set back', -5, 0],
  ];
  for (const [name, waitedMilliseconds, said] of WAITS) {
    it(`says how long it has waited: ${name}`, () => {
      const decoded = decodeRequest(encodeRequest({ ...REQUEST, waitedMilliseconds }));
      assert.deepEqual(decoded, { ...REQUEST, waitedMilliseconds: said });
    });
  }

  it('may be empty, and shares the memory of a large frame', () => {
    const empty = { ...REQUEST, message: Buffer.alloc(0) };
    assert.deepEqual(decodeRequest(encodeRequest(empty)), empty);
    const frame = encodeRequest({ ...REQUEST, message: Buffer.alloc(32 * 1_048_576, 'x') });
    const { message: body } = decodeRequest(frame);
    assert.equal(body.length, 32 * 1_048_576);
    assert.equal(body.buffer, frame.buffer);
  });

  for (const length of [0, 1, 6, 12, 17]) {
    it(`of ${length} bytes is refused`, () => {
      const frame = encodeRequest(REQUEST).subarray(0, length);
      assert.throws(() => decodeRequest(frame), isFrameError('a frame is cut short'));
    });
  }

  it('is a frame or refused, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const frame = Buffer.from(bytes);
        const whole = decodesOrIsRefused(() => encodeRequest(decodeRequest(frame)));
        assert.deepEqual(whole, bytes.length < 18 ? undefined : frame);
      }),
    );
  });
});

function isFrameError(words: string) {
  return (error: unknown) => error instanceof ChannelFrameError && error.message === words;
}

/** What is decoded; undefined: it is no frame. Any other failure is one of the test. */
function decodesOrIsRefused<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ChannelFrameError) return undefined;
    throw error;
  }
}
