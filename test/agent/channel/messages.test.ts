// Kernel messages in their two forms, there and back, and what is none: refused with the one error, and with no more memory
// than it has bytes. What summaries make of them is in ../message.test.ts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  MessageError,
  V1_SUBPROTOCOL,
  fromJson,
  fromWire,
  readMessage,
  toJson,
  toWire,
  writeMessage,
} from '../../../agent/channel/messages.ts';
import { encode } from '../kernel-client.ts';

const HEADER = { msg_id: 'm1', msg_type: 'execute_request', session: 's1', version: '5.3' };
const PARENT = { msg_id: 'p1', msg_type: 'comm_open' };
const CONTENT = { code: 'print("ä → 🪐", "\u2028", "\ud800")', silent: false };
const METADATA = { cellId: 'c1' };
const BUFFERS = [Buffer.from([0, 255, 1]), Buffer.alloc(0), Buffer.from('{"a":1}')];
const MESSAGE = { channel: 'shell', header: HEADER, parent: PARENT, content: CONTENT };
const FRAME = writeMessage({ ...MESSAGE, metadata: METADATA, buffers: BUFFERS });
const JSON_MESSAGE = {
  ...{ header: HEADER, parent_header: PARENT, metadata: METADATA, content: CONTENT },
  channel: 'shell',
};

const object = fc
  .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())
  .map((any) => throughJson(any) as Record<string, unknown>)
  .filter((any) => !Object.hasOwn(any, '__proto__'));
const anyMessage = fc.record({
  channel: fc.constantFrom('shell', 'iopub', 'stdin', 'control'),
  header: fc
    .record({ more: object, id: fc.string({ unit: 'binary' }), type: fc.string() })
    .map(({ more, id, type }) => ({ ...more, ...HEADER, msg_id: id, msg_type: type })),
  parent: fc.constantFrom({}, PARENT, { ...PARENT, subshell_id: null, session: '' }),
  metadata: object,
  content: object,
  buffers: fc.array(
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 3 },
  ),
});

describe('a v1 frame', () => {
  it('is laid out as jupyter-server does it', () => {
    const written = writeMessage({ ...MESSAGE, metadata: METADATA });
    assert.deepEqual(written, encode('shell', JSON_MESSAGE));
  });

  it('is the same there and back', () => {
    fc.assert(
      fc.property(anyMessage, ({ buffers, metadata, ...message }) => {
        const read = readMessage(writeMessage({ ...message, metadata, buffers }));
        assert.deepEqual({ ...read, content: read.content() }, throughJson(message));
      }),
    );
  });

  it('has no parent and no metadata unless they are given', () => {
    const frame = writeMessage({ channel: 'iopub', header: HEADER, content: {} });
    const texts = partsOf(frame).map(String);
    assert.deepEqual(texts, ['iopub', JSON.stringify(HEADER), '{}', '{}', '{}']);
  });

  it('is no message when it ends too early, wherever', () => {
    for (let length = 0; length < FRAME.length; length += 1) {
      assert.throws(() => toJson(FRAME.subarray(0, length)), MessageError, `${length} bytes`);
    }
  });

  const HEADER_TEXT = JSON.stringify(HEADER);
  const BROKEN: [string, readonly string[]][] = [
    ['one part too few', ['shell', HEADER_TEXT, '{}', '{}']],
    ['a header that is no JSON', ['shell', '{', '{}', '{}', '{}']],
    ['an empty header', ['shell', '{}', '{}', '{}', '{}']],
    ['a header without a type', ['shell', '{"msg_id":"m1"}', '{}', '{}', '{}']],
    ['an id that is a number', ['shell', '{"msg_id":1,"msg_type":"x"}', '{}', '{}', '{}']],
    ['a parent that is none', ['shell', HEADER_TEXT, 'null', '{}', '{}']],
    ['a cell whose content is no JSON', ['shell', HEADER_TEXT, '{}', '{}', '{"code":']],
    ['a cell without content', ['shell', HEADER_TEXT, '{}', '{}', '']],
    ['a cell whose content is null', ['shell', HEADER_TEXT, '{}', '{}', 'null']],
    ['a cell whose content is a list', ['shell', HEADER_TEXT, '{}', '{}', '[]']],
    ['a channel that no kernel has', ['shells', HEADER_TEXT, '{}', '{}', '{}']],
    ['no channel', ['', HEADER_TEXT, '{}', '{}', '{}']],
  ];
  for (const [name, parts] of BROKEN) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => readMessage(frameOf(parts)), MessageError);
    });
  }

  it('of another type is refused when its content is asked for', () => {
    const header = JSON.stringify({ ...HEADER, msg_type: 'comm_msg' });
    for (const content of ['', 'null', '"text"', '{']) {
      const read = readMessage(frameOf(['shell', header, '{}', '{}', content]));
      assert.equal(read.header.msg_type, 'comm_msg');
      assert.throws(() => read.content(), MessageError, content);
    }
  });
});

describe('a message of the older protocol', () => {
  it('is the same there and back, with its buffers and without', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const frame = writeMessage(message);
        const { data, isBinary } = toJson(frame);
        assert.equal(isBinary, message.buffers.length > 0);
        assert.deepEqual(contentsOf(fromJson(data, isBinary)), contentsOf(frame));
      }),
    );
  });

  it('is text that has what old front-ends look at', () => {
    const { data, isBinary } = toJson(writeMessage({ ...MESSAGE, metadata: METADATA }));
    assert.equal(isBinary, false);
    const ids = { msg_id: 'm1', msg_type: 'execute_request' };
    assert.deepEqual(JSON.parse(data.toString()), { ...JSON_MESSAGE, ...ids, buffers: [] });
  });

  it('with buffers is a table of places, then the text, then them', () => {
    const { data, isBinary } = toJson(FRAME);
    assert.equal(isBinary, true);
    const [count = 0, ...offsets] = Array.from({ length: 5 }, (_, at) => data.readUInt32BE(4 * at));
    assert.equal(count, 4);
    const [text, ...buffers] = offsets.map((begin, at) => data.subarray(begin, offsets[at + 1]));
    assert.equal((JSON.parse(String(text)) as typeof JSON_MESSAGE).content.code, CONTENT.code);
    assert.deepEqual(buffers, BUFFERS);
  });

  const MISSING: [string, object, readonly string[]][] = [
    ['channel', { ...JSON_MESSAGE, channel: undefined }, ['shell', '', '', '', '']],
    ['channel but null', { ...JSON_MESSAGE, channel: null }, ['shell', '', '', '', '']],
    ['parent', { ...JSON_MESSAGE, parent_header: undefined }, ['', '', '{}', '', '']],
    ['parent but null', { ...JSON_MESSAGE, parent_header: null }, ['', '', '{}', '', '']],
    ['metadata', { ...JSON_MESSAGE, metadata: undefined }, ['', '', '', '{}', '']],
    ['metadata but null', { ...JSON_MESSAGE, metadata: null }, ['', '', '', '{}', '']],
    ['content', { ...JSON_MESSAGE, content: undefined }, ['', '', '', '', '{}']],
    ['content but null', { ...JSON_MESSAGE, content: null }, ['', '', '', '', '{}']],
  ];
  const whole = partsOf(writeMessage({ ...MESSAGE, metadata: METADATA })).map(String);
  for (const [name, message, instead] of MISSING) {
    it(`is taken as jupyter-server takes it: no ${name}`, () => {
      const parts = partsOf(fromJson(bytesOf(message), false)).map(String);
      assert.deepEqual(
        parts,
        instead.map((text, index) => text || whole[index]),
      );
    });
  }

  const BROKEN: [string, Buffer, boolean][] = [
    ['nothing', Buffer.alloc(0), false],
    ['a list', bytesOf([JSON_MESSAGE]), false],
    ['no header', bytesOf({ ...JSON_MESSAGE, header: undefined }), false],
    ['a header without an id', bytesOf({ ...JSON_MESSAGE, header: { msg_type: 'x' } }), false],
    ['metadata that are text', bytesOf({ ...JSON_MESSAGE, metadata: 'none' }), false],
    ['a channel that is a number', bytesOf({ ...JSON_MESSAGE, channel: 1 }), false],
    ['buffers in what is text', toJson(FRAME).data, false],
    ['text in what has buffers', bytesOf(JSON_MESSAGE), true],
    ['nothing, with buffers', Buffer.alloc(0), true],
    ['half a number of buffers', Buffer.alloc(3), true],
    ['no part at all', Buffer.alloc(4), true],
    ['more parts than bytes', Buffer.from('ffffffff00000008', 'hex'), true],
    ['a table that is cut short', toJson(FRAME).data.subarray(0, 15), true],
    ['a text that is cut short', toJson(FRAME).data.subarray(0, 100), true],
  ];
  for (const [name, data, isBinary] of BROKEN) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => fromJson(data, isBinary), MessageError);
    });
  }
});

describe('a small message', () => {
  const PARTS = 1_000;
  const PAYLOAD = Buffer.alloc(100_000);
  /** Parts from some place on that begin in turn before and behind the payload. */
  const places = (known: readonly number[], end: number) => [
    ...known,
    ...Array.from({ length: PARTS }, (_, at) => (at % 2 === 0 ? end : end + PAYLOAD.length)),
  ];

  it('does not have the same bytes again and again in a v1 frame', () => {
    const known = partsOf(writeMessage(MESSAGE));
    const offsets: number[] = [];
    let end = 8 * (known.length + PARTS + 1);
    for (const part of known) {
      offsets.push(end);
      end += part.length;
    }
    const frame = Buffer.concat([tableOf(places(offsets, end)), ...known, PAYLOAD]);
    assert.equal(readMessage(frame).content()['code'], CONTENT.code);
    assert.throws(() => toJson(frame), MessageError);
  });

  it('does not have the same bytes again and again in the older protocol', () => {
    const text = bytesOf(JSON_MESSAGE);
    const begin = 4 * (PARTS + 2);
    const offsets = places([begin], begin + text.length);
    const table = Buffer.alloc(begin);
    [offsets.length, ...offsets].forEach((value, at) => table.writeUInt32BE(value, 4 * at));
    const data = Buffer.concat([table, text, PAYLOAD]);
    assert.throws(() => fromJson(data, true), MessageError);
  });
});

describe('what comes on a WebSocket', () => {
  const { data: JSON_DATA } = toJson(FRAME);
  const FORMS: [string, string, Buffer][] = [
    ['v1', V1_SUBPROTOCOL, FRAME],
    ['the older protocol', '', JSON_DATA],
  ];
  for (const [name, protocol, data] of FORMS) {
    it(`is a v1 frame inside, and goes out as it came: ${name}`, () => {
      const frame = fromWire(protocol, data, true);
      assert.deepEqual(contentsOf(frame), contentsOf(FRAME));
      assert.deepEqual(toWire(protocol, frame), { data, isBinary: true });
    });
  }

  it('is a message or refused, whatever it is', () => {
    const mangled = fc
      .tuple(fc.constantFrom(FRAME, JSON_DATA), fc.array(fc.tuple(fc.nat(), fc.nat(255))), fc.nat())
      .map(([whole, changes, rest]) => {
        const data = Buffer.from(whole);
        for (const [at, byte] of changes) data[at % 80] = byte;
        return rest % 3 === 0 ? data.subarray(0, rest % data.length) : data;
      });
    const any = fc.oneof(mangled, fc.uint8Array({ maxLength: 100 }), fc.json());
    fc.assert(
      fc.property(any, fc.boolean(), (bytes, isBinary) => {
        const data = Buffer.from(bytes as Uint8Array);
        isRefusedOr(() => readMessage(data).content());
        isRefusedOr(() => toJson(data));
        isRefusedOr(() => readMessage(fromJson(data, isBinary)).content());
      }),
      { numRuns: 500 },
    );
  });
});

function throughJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function bytesOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function frameOf(parts: readonly string[]): Buffer {
  const bytes = parts.map((part) => Buffer.from(part));
  const offsets = [8 * (parts.length + 2)];
  for (const part of bytes) offsets.push((offsets.at(-1) ?? 0) + part.length);
  return Buffer.concat([tableOf(offsets), ...bytes]);
}

function tableOf(offsets: readonly number[]): Buffer {
  return Buffer.from(BigUint64Array.from([offsets.length, ...offsets].map(BigInt)).buffer);
}

function partsOf(frame: Buffer): Buffer[] {
  const at = (index: number) => Number(frame.readBigUInt64LE(8 * index));
  return Array.from({ length: at(0) - 1 }, (_, index) =>
    frame.subarray(at(index + 1), at(index + 2)),
  );
}

/** The channel, what is JSON, and the buffers. */
function contentsOf(frame: Buffer): unknown[] {
  const [channel, ...parts] = partsOf(frame);
  const json = parts.slice(0, 4).map((part) => JSON.parse(part.toString()) as unknown);
  return [channel?.toString(), ...json, ...parts.slice(4)];
}

/** Any failure but the one error is one of the test. */
function isRefusedOr(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
  }
}
