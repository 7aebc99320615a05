// The codec of the tunnel's frames, byte for byte.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FrameError, decodeFrame, encodeFrame } from '../../client/tunnel/frames.ts';
import type { Frame } from '../../client/tunnel/frames.ts';
import { UnconfirmedQueue } from '../../client/tunnel/unconfirmed.ts';

const KNOWN: { hex: string; frame: Exclude<Frame, { kind: 'unknown' }> }[] = [
  { hex: '0001 00000003 736964', frame: { kind: 'sessionId', sessionId: Buffer.from('sid') } },
  { hex: '0002 0000000000000100', frame: { kind: 'reconnectAck', bytes: 256 } },
  { hex: '0004 00000002 6869', frame: { kind: 'data', data: Buffer.from('hi') } },
  { hex: '0004 00000000', frame: { kind: 'data', data: Buffer.alloc(0) } },
  { hex: '0007 0000000100000000', frame: { kind: 'ack', bytes: 2 ** 32 } },
];

describe('frames', () => {
  for (const { hex, frame } of KNOWN) {
    it(`reads and writes ${frame.kind} (${hex})`, () => {
      assert.deepEqual(decodeFrame(bytes(hex)), frame);
      assert.deepEqual(encodeFrame(frame), bytes(hex));
    });
  }

  it('skips tags that it does not know, whatever they hold', () => {
    assert.deepEqual(decodeFrame(bytes('0063')), { kind: 'unknown', tag: 0x63 });
    assert.deepEqual(decodeFrame(bytes('000a ffff')), { kind: 'unknown', tag: 10 });
  });

  it('ignores bytes behind a frame', () => {
    assert.deepEqual(decodeFrame(bytes('0007 0000000000000001 ff')), { kind: 'ack', bytes: 1 });
  });

  for (const hex of ['', '00', '0004', '0004 000000', '0004 00000002 68', '0007 00000000000000']) {
    it(`refuses a frame that is cut short (${hex})`, () => {
      assert.throws(() => decodeFrame(bytes(hex)), FrameError);
    });
  }

  it('refuses data of more than 16,384 bytes, both ways', () => {
    const largest = encodeFrame({ kind: 'data', data: Buffer.alloc(16_384) });
    assert.equal(decodeFrame(largest).kind, 'data');
    const larger = Buffer.concat([bytes('0004 00004001'), Buffer.alloc(16_385)]);
    assert.throws(() => decodeFrame(larger), FrameError);
    assert.throws(() => encodeFrame({ kind: 'data', data: Buffer.alloc(16_385) }), FrameError);
  });

  it('refuses a count that a number cannot hold', () => {
    assert.throws(() => decodeFrame(bytes('0007 0020000000000000')), FrameError);
  });
});

describe('what is unconfirmed', () => {
  it('is forgotten in order, also from the middle of a chunk', () => {
    const queue = new UnconfirmedQueue();
    for (const text of ['abc', 'def', 'ghi']) queue.append(Buffer.from(text));
    queue.confirm(4);
    assert.equal(queue.bytes, 5);
    assert.equal(Buffer.concat([...queue.remaining()]).toString(), 'efghi');
    queue.confirm(4);
    queue.confirm(9);
    assert.equal(queue.bytes, 0);
    assert.deepEqual(queue.remaining(), []);
  });

  it('refuses a count that decreases or exceeds what was sent', () => {
    const queue = new UnconfirmedQueue();
    queue.append(Buffer.from('abc'));
    queue.confirm(2);
    assert.throws(() => {
      queue.confirm(1);
    }, FrameError);
    assert.throws(() => {
      queue.confirm(4);
    }, FrameError);
  });
});

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}
