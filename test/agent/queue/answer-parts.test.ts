// What the agent answers in the kernel's place, in parts that it writes one by one.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Message } from '../../../agent/channel/messages.ts';
import { readMessage, writeMessage } from '../../../agent/channel/messages.ts';
import { writeAnswer } from '../../../agent/queue/answers.ts';
import type { Cause } from '../../../agent/queue/state.ts';

/** What a cell's page is shown of it, and how its reply ends it. */
type Shown = 'notice' | 'error' | 'nothing';
const CAUSES: Record<Exclude<Cause, 'done'>, [Shown, words: RegExp]> = {
  error: ['nothing', /^$/],
  idleUnseen: ['nothing', /^$/],
  restarted: ['notice', /^Not run: the kernel was restarted .* Run it again/],
  stopped: ['notice', /^The kernel was restarted before this was done\.$/],
  died: ['notice', /^The kernel died .* variables are gone; run the cells/],
  tooLate: ['notice', /^Not run: it waited too long .* Run it again/],
  overtaken: ['notice', /^Not run: .* another page used the kernel\. Run it again/],
  notNow: ['notice', /^The kernel cannot be reached .* Try again\.$/],
  unknown: ['error', /^Whether this ran is not known: .* not sent again, .* look at what/],
  endUnseen: ['error', /^This ran, but .* output may be missing, and it may have failed\.$/],
};
const causes = Object.entries(CAUSES) as [
  keyof typeof CAUSES,
  (typeof CAUSES)[keyof typeof CAUSES],
][];

describe('the agent’s answer', () => {
  for (const [cause, [shown, words]] of causes) {
    it(`to a cell (${cause}) shows ${shown}, then replies, then says that it is over`, () => {
      const parts = answerTo('execute_request', 'shell', cause);
      if (cause !== 'idleUnseen') {
        const reply = parts.at(-2);
        assert.deepEqual([reply?.where, reply?.to], ['shell execute_reply', 'page']);
        assert.equal(reply?.content['status'], shown === 'error' ? 'error' : 'aborted');
        if (shown === 'error') assert.match(String(reply.content['evalue']), words);
      }
      assert.deepEqual(
        parts.map(({ where, to }) => [where, to]),
        {
          notice: [STREAM, REPLY, IDLE],
          error: [ERROR, REPLY, IDLE],
          nothing: cause === 'idleUnseen' ? [IDLE] : [REPLY, IDLE],
        }[shown],
      );
      const [first] = parts;
      if (shown === 'notice') {
        assert.equal(first?.content['name'], 'stderr');
        const text = String(first.content['text']);
        assert.match(text.trimEnd(), words);
        assert.ok(text.endsWith('\n'));
      }
      if (shown === 'error') assertFailure(first?.content, 'OutcomeUnknown', words);
    });

    it(`to what is no cell (${cause}) is on its own channel, and shows nothing`, () => {
      const parts = answerTo('debug_request', 'control', cause);
      const [reply] = parts;
      assert.deepEqual(
        parts.map(({ where, to }) => [where, to]),
        cause === 'idleUnseen' ? [IDLE] : [['control debug_reply', 'page'], IDLE],
      );
      if (shown === 'nothing') return;
      const name = shown === 'error' ? 'OutcomeUnknown' : 'NotDelivered';
      assert.equal(reply?.content['status'], 'error');
      assertFailure(reply.content, name, words);
    });
  }

  it('aborts in silence what stands behind a failed cell, as a kernel does', () => {
    const [reply] = answerTo('execute_request', 'shell', 'error');
    assert.deepEqual(reply?.content, {
      ...{ status: 'aborted', execution_count: null, user_expressions: {}, payload: [] },
    });
  });

  it('belongs to its request, bears the kernel’s session, and is found in the log by what it answers', () => {
    const request = askedFor('execute_request', 'shell');
    const owed = owedFor(request, 'unknown');
    const made = [0, 1, 2].map((written) => {
      return writeAnswer({ ...owed, written }, request, 'kernel', new Date(0));
    });
    const read = made.map(({ message }) => readMessage(message));
    for (const { header, parent } of read) {
      assert.deepEqual(parent, request.header);
      assert.deepEqual([header.session, header['date']], ['kernel', '1970-01-01T00:00:00.000Z']);
    }
    assert.equal(new Set(read.map(({ header }) => header.msg_id)).size, 3);
    const common = { kind: 'message', parent: 'asked', owed: 12 };
    assert.deepEqual(
      made.map(({ entry }) => entry),
      [
        { ...common, type: 'error' },
        { ...common, type: 'execute_reply', to: 'page' },
        { ...common, type: 'status', executionState: 'idle' },
      ],
    );
  });

  it('ends with the idle status, however often it is asked for more', () => {
    const request = askedFor('execute_request', 'shell');
    const { entry } = writeAnswer(
      { ...owedFor(request, 'died'), written: 9 },
      request,
      'kernel',
      new Date(0),
    );
    assert.equal(entry.executionState, 'idle');
  });
});

const EVERYBODY = undefined;
const STREAM = ['iopub stream', EVERYBODY];
const ERROR = ['iopub error', EVERYBODY];
const IDLE = ['iopub status', EVERYBODY];
const REPLY = ['shell execute_reply', 'page'];

interface Part {
  /** Channel and type. */
  where: string;
  to: string | undefined;
  content: Record<string, unknown>;
}

/** All of it, one part after the other as the log asks for them. */
function answerTo(type: string, channel: string, cause: Cause): Part[] {
  const request = askedFor(type, channel);
  const parts: Part[] = [];
  for (let isOver = false; !isOver;) {
    assert.ok(parts.length < 5, 'it does not end');
    const owed = { ...owedFor(request, cause), written: parts.length };
    const { entry, message } = writeAnswer(owed, request, 'kernel', new Date(0));
    const read = readMessage(message);
    assert.equal(read.header.msg_type, entry.type);
    parts.push({ where: `${read.channel} ${entry.type}`, to: entry.to, content: read.content() });
    isOver = entry.executionState === 'idle';
  }
  return parts;
}

function askedFor(type: string, channel: string): Message {
  const header = { msg_id: 'asked', msg_type: type, session: 'page' };
  return readMessage(writeMessage({ channel, header, content: {} }));
}

function owedFor({ header }: Message, cause: Cause) {
  const { msg_id: id, msg_type: type } = header;
  return {
    request: { sequence: 12, id, type, channel: 'page', stopsOnError: true },
    ...{ cause, written: 0 },
  };
}

function assertFailure(
  content: Record<string, unknown> | undefined,
  name: string,
  words: RegExp,
): void {
  const { ename, evalue, traceback } = content ?? {};
  assert.equal(ename, name);
  assert.match(String(evalue), words);
  assert.deepEqual(traceback, [`${name}: ${String(evalue)}`]);
}
