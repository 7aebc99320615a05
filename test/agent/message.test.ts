// The decoder of kernel messages, in all three forms that a WebSocket carries them in.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  MessageError,
  V1_SUBPROTOCOL,
  fromJson,
  readMessage,
} from '../../agent/channel/messages.ts';
import { kernelMessageOf } from '../../agent/message.ts';
import { encode } from './kernel-client.ts';

const STATUS = {
  header: { msg_id: 'm1', msg_type: 'status' },
  parent_header: { msg_id: 'p1', msg_type: 'execute_request' },
  metadata: {},
  content: { execution_state: 'busy' },
};
const DECODED = {
  channel: 'iopub',
  type: 'status',
  id: 'm1',
  parent: { id: 'p1', type: 'execute_request', isSubshell: false },
  executionState: 'busy',
};

const decodeMessage = (data: Buffer, isBinary: boolean, subprotocol: string) =>
  kernelMessageOf(readMessage(subprotocol === V1_SUBPROTOCOL ? data : fromJson(data, isBinary)));

describe('kernelMessageOf', () => {
  it('reads JSON text', () => {
    const text = Buffer.from(JSON.stringify({ ...STATUS, channel: 'iopub', buffers: [] }));
    assert.deepEqual(decodeMessage(text, false, ''), DECODED);
  });

  it('reads JSON with buffers behind it', () => {
    const json = Buffer.from(JSON.stringify({ ...STATUS, channel: 'iopub' }));
    const table = Buffer.alloc(12);
    table.writeUInt32BE(2, 0);
    table.writeUInt32BE(12, 4);
    table.writeUInt32BE(12 + json.length, 8);
    const data = Buffer.concat([table, json, Buffer.from([1, 2, 3])]);
    assert.deepEqual(decodeMessage(data, true, ''), DECODED);
  });

  it('reads v1 frames', () => {
    assert.deepEqual(decodeMessage(encode('iopub', STATUS), true, V1_SUBPROTOCOL), DECODED);
  });

  it('takes a message without parent or channel for one to the shell', () => {
    const { header, content } = {
      ...STATUS,
      header: { msg_id: 'm2', msg_type: 'execute_request' },
    };
    const text = Buffer.from(JSON.stringify({ header, parent_header: {}, content }));
    const expected = { channel: 'shell', type: 'execute_request', id: 'm2' };
    assert.deepEqual(decodeMessage(text, false, ''), expected);
  });

  it('sees that a request runs in a subshell', () => {
    const parent_header = { ...STATUS.parent_header, subshell_id: 'sub' };
    const message = decodeMessage(
      encode('iopub', { ...STATUS, parent_header }),
      true,
      V1_SUBPROTOCOL,
    );
    assert.equal(message.parent?.isSubshell, true);
  });

  const frame = encode('iopub', STATUS);
  const wrongOffset = Buffer.from(frame);
  wrongOffset.writeBigUInt64LE(1n << 40n, 16);
  const BROKEN: [string, Buffer, string][] = [
    ['nothing', Buffer.alloc(0), ''],
    ['text that is no JSON', Buffer.from('{'), ''],
    ['JSON that is no message', Buffer.from('{"header": 1}'), ''],
    ['a v1 frame that is cut short', frame.subarray(0, 60), V1_SUBPROTOCOL],
    ['a v1 frame with an offset behind its end', wrongOffset, V1_SUBPROTOCOL],
    ['a v1 frame of too few parts', Buffer.alloc(64), V1_SUBPROTOCOL],
  ];
  for (const [name, data, subprotocol] of BROKEN) {
    it(`makes nothing of ${name}`, () => {
      assert.throws(() => decodeMessage(data, false, subprotocol), MessageError);
    });
  }
});
