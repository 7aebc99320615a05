// Following a log of the API: order, pauses, outages and ends, with an API that answers what the test says.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError, type LogPage } from '../../../client/api/api.ts';
import { buildLogTail } from '../../../client/logs/build-log-tail.ts';
import { ClientError } from '../../../client/errors.ts';
import { followLog } from '../../../client/logs/follow.ts';
import type { ErrorCode, LogsResponse } from '../../../functions/contract.ts';

const PAUSES = { shortest: 1, longest: 4, rateLimited: 8 };

const page = (next: string, ...texts: string[]): LogsResponse => ({
  lines: texts.map((text) => ({ text })),
  next,
});
const refusal = (status: ErrorCode, message: string = status) =>
  new ApiError({ code: 400, status, message });

/** Answers these in turn, then Ctrl-C is pressed. */
async function follow(answers: (LogsResponse | Error)[]) {
  const interrupt = new AbortController();
  const asked: LogPage[] = [];
  const printed: string[] = [];
  const said: string[] = [];
  const read = (question: LogPage) => {
    asked.push(question);
    const answer = answers.shift();
    if (answer instanceof Error) return Promise.reject(answer);
    if (answer) return Promise.resolve(answer);
    interrupt.abort();
    return Promise.reject(new Error('aborted'));
  };
  const print = (lines: readonly { text: string }[]) => {
    printed.push(...lines.map(({ text }) => text));
  };
  const say = (text: string) => void said.push(text);
  const given = { read, print, say, nothing: 'nothing yet', limit: 5, pauses: PAUSES };
  await followLog({ ...given, signal: interrupt.signal });
  return { asked, printed, said };
}

describe('logs --follow', () => {
  it('prints the last lines, then what comes, each time from where it was', async () => {
    const { asked, printed, said } = await follow([page('1', 'a', 'b'), page('1'), page('2', 'c')]);
    assert.deepEqual(printed, ['a', 'b', 'c']);
    assert.deepEqual(
      asked.map(({ limit, after }) => [limit, after]),
      [
        [5, undefined],
        [1000, '1'],
        [1000, '1'],
        [1000, '2'],
      ],
    );
    assert.deepEqual(said, []);
  });

  it('goes on through outages, saying each once', async () => {
    const down = new ClientError('The Datalab API cannot be reached');
    const { printed, said } = await follow([
      page('1', 'a'),
      down,
      down,
      refusal('UNAVAILABLE'),
      page('2', 'b'),
      refusal('RESOURCE_EXHAUSTED', 'too often'),
      page('3', 'c'),
    ]);
    assert.deepEqual(printed, ['a', 'b', 'c']);
    assert.equal(said.length, 4);
    assert.match(said[0] ?? '', /^The Datalab API cannot be reached\nWaiting/);
    assert.equal(said[1], 'It can be read again.');
    assert.match(said[2] ?? '', /^too often/);
  });

  it('waits for a machine that is off, and says when there is nothing yet', async () => {
    const { printed, said } = await follow([
      refusal('FAILED_PRECONDITION', 'it is STOPPED'),
      page('1'),
      page('2', 'booted'),
    ]);
    assert.deepEqual(printed, ['booted']);
    assert.match(said.join(), /it is STOPPED.*It can be read again.*nothing yet/s);
  });

  it('ends when the session is gone, and says so', async () => {
    const { printed, said, asked } = await follow([
      page('1', 'a'),
      refusal('NOT_FOUND', 'There is no session abc.'),
      page('2', 'never'),
    ]);
    assert.deepEqual(printed, ['a']);
    assert.deepEqual(said, ['There is no session abc. Its logs end here.']);
    assert.equal(asked.length, 2);
  });

  it('fails with what no waiting mends', async () => {
    await assert.rejects(follow([new ClientError('not our API')]), /not our API/);
    await assert.rejects(follow([page('1'), refusal('INVALID_ARGUMENT')]), /INVALID_ARGUMENT/);
    await assert.rejects(follow([refusal('UNAUTHENTICATED')]), /UNAUTHENTICATED/);
  });
});

describe('the last line of a build’s log', () => {
  const tail = (answer: LogsResponse | Error) =>
    buildLogTail({
      imageLogs: () => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)),
    });

  it('is what there is, and nothing where the API cannot say', async () => {
    assert.equal(await tail(page('1', 'Step #1')), 'Step #1');
    const none = [page('1'), page('1', ''), refusal('NOT_FOUND'), new ClientError('unreachable')];
    for (const answer of none) assert.equal(await tail(answer), undefined);
    await assert.rejects(tail(new TypeError('a bug')), TypeError);
  });
});
