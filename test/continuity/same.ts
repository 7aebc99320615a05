// Whether a disturbed run of the notebook came to the same as an undisturbed one: "What is promised" of the channels, as
// assertions. play.ts has played both.
import assert from 'node:assert/strict';
import type { Group } from './notebook.ts';
import { CELLS, notebook } from './notebook.ts';
import type { Lost, Played, PlayedCell } from './play.ts';
import type { Output } from './tab-calls.ts';

/** A machine that is busy takes its time to read what was sent. */
const JUST_TOLD_MILLISECONDS = 1_000;

/** Of the run that others are compared with: what is wrong in it would be expected of them. */
export function assertUndisturbed(played: Played): void {
  assert.equal(played.cells.size, CELLS);
  const statuses = [...played.cells].map(([number, { result }]) => [number, result.status]);
  assert.deepEqual(
    statuses,
    notebook().flatMap((group) =>
      statusesOf(group).map((one, index) => [group[index]?.number, one]),
    ),
  );
  assertSame(played, played);
}

/** A cell that fails stops the run that it belongs to. */
function statusesOf(group: Group): string[] {
  const failing = group.findIndex(({ fails }) => fails);
  return group.map((_, index) => {
    if (failing < 0 || index < failing) return 'ok';
    return index === failing ? 'error' : 'aborted';
  });
}

export function assertSame(played: Played, undisturbed: Played): void {
  const isExact =
    played.isCounted && [...played.cells.values()].every(({ attempts }) => attempts === 1);
  for (let number = 1; number <= CELLS; number += 1) {
    const expected = undisturbed.cells.get(number);
    const actual = played.cells.get(number);
    assert.ok(expected && actual, `cell ${number}`);
    assertSameCell(number, actual, expected, isExact);
  }
  for (const lost of played.lost) assertMayBeLost(lost);
  assertOnceInOrder(played);
  const began = (one: Played) => new Set(one.ledger.map(([number]) => number));
  assert.deepEqual(began(played), began(undisturbed), 'other cells ran');
  assertSameComms(played, undisturbed);
}

/**
 * A page loses what it sends in the moment in which its connection ends, whoever ends it: a WebSocket that is about to close
 * takes it and says nothing. A relay that is killed loses what it was just being told. An agent loses no cell without a word, but what a widget says
 * or somebody types may be on the wire.
 */
function assertMayBeLost({ cell, from, kills, wasSwallowed }: Lost): void {
  if (wasSwallowed) return;
  const isUncounted = cell.bytes !== undefined || cell.answer !== undefined;
  const isAllowed = kills.some((kill) =>
    kill.part === 'relay'
      ? kill.from - JUST_TOLD_MILLISECONDS < from && from < kill.until
      : isUncounted,
  );
  const around = kills.map(
    (kill) => `${kill.part} killed ${kill.from - from} to ${kill.until - from} ms later`,
  );
  assert.ok(isAllowed, `cell ${cell.number} was never answered: ${around.join(', ')}`);
}

/** Never twice, whatever was killed, and in the order in which they were sent. */
function assertOnceInOrder({ ledger, cells }: Played): void {
  const isCell = ([number]: readonly [number, number]) => cells.get(number)?.attempts === 1;
  const began = ledger
    .filter(isCell)
    .map(([number, attempt]) => `cell ${number}, attempt ${attempt}`);
  const twice = began.filter((one, index) => began.indexOf(one) !== index);
  assert.deepEqual(twice, [], 'ran twice');
  const first = ledger.filter(isCell).map(([number]) => number);
  assert.deepEqual(
    first,
    first.toSorted((one, other) => one - other),
    'ran in another order',
  );
}

/**
 * A cell that ran while the agent was killed may miss output that was on the wire, and its end. What was run again
 * because nobody knew is only known to have ended.
 */
function assertSameCell(
  number: number,
  { result, attempts, killed }: PlayedCell,
  expected: PlayedCell,
  isExact: boolean,
): void {
  if (attempts > 1) return;
  const where = `cell ${number}${killed ? `, during which the ${killed} was killed` : ''}`;
  const shown = (outputs: readonly Output[]) =>
    (isExact ? outputs : outputs.map(withoutCounts)).map(withoutProcess);
  const outputs = shown(result.outputs);
  const wanted = shown(expected.result.outputs);
  if (killed === 'agent') {
    if (result.name !== 'OutcomeUnknown') {
      assert.equal(result.status, expected.result.status, where);
    }
    assertPartOf(outputs, wanted, where);
    return;
  }
  assert.deepEqual(outputs, wanted, where);
  assert.equal(result.status, expected.result.status, where);
  if (isExact) assert.equal(result.executionCount, expected.result.executionCount, where);
}

/** Nothing that is not expected, and in the expected order; but for the words that say that something is missing. */
function assertPartOf(outputs: readonly Output[], wanted: readonly Output[], where: string): void {
  const pieces = (all: readonly Output[]) =>
    all.flatMap(([type, ...rest]) =>
      type === 'stdout' || type === 'stderr'
        ? String(rest[0])
            .split('\n')
            .map((line) => `${type} ${line}`)
        : [JSON.stringify([type, ...rest])],
    );
  let rest = pieces(wanted);
  for (const piece of pieces(outputs)) {
    if (piece.includes('OutcomeUnknown') || piece.trim() === 'stdout') continue;
    const index = rest.indexOf(piece);
    assert.notEqual(index, -1, `${where}: ${piece} is too much`);
    rest = rest.slice(index + 1);
  }
}

function assertSameComms(played: Played, undisturbed: Played): void {
  const isCalm = ([, value]: Output) => {
    const number = (value as { data: { value: number } }).data.value;
    const cell = played.cells.get(number);
    return cell?.killed === undefined && cell?.attempts === 1;
  };
  const unnamed = (outputs: readonly Output[]) =>
    outputs.filter(isCalm).map(([type, value, ...rest]) => {
      const { data } = value as { data: unknown };
      return [type, data, ...rest];
    });
  assert.deepEqual(unnamed(played.heard), unnamed(undisturbed.heard), 'comms of the kernel');
  const calm = (one: Played) =>
    one.told.filter((number) => played.cells.get(number)?.killed === undefined);
  assert.deepEqual(calm(played), calm(undisturbed), 'answers to comms of the kernel');
}

/** Warnings name a file that has the kernel's process id in its path. */
function withoutProcess(output: Output): Output {
  return JSON.parse(JSON.stringify(output).replaceAll(/ipykernel_\d+/g, 'ipykernel_0')) as Output;
}

/** A cell that was lost or run again is counted otherwise, and so are all that follow it. */
function withoutCounts(output: Output): Output {
  const text = JSON.stringify(output)
    .replaceAll(/"execution_count":\d+/g, '"execution_count":0')
    .replaceAll(/In ?\[\d+\]/g, 'In [0]');
  return JSON.parse(text) as Output;
}
