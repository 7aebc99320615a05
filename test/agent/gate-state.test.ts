// The rules of the gate: tables of what happened, and a long random life.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GateState } from '../../agent/gate-state.ts';
import {
  afterForgotten,
  afterLook,
  afterResponse,
  afterSaid,
  afterTime,
  afterUse,
  afterWake,
  isOpen,
  OPEN_GATE,
  wordOf,
} from '../../agent/gate-state.ts';
import type { IdleAction } from '../../functions/contract.ts';
import { GATE_SECONDS } from '../../functions/contract.ts';

type Step = (state: GateState, now: number) => GateState;

/** The answer to a report that was made of the present state. */
const hears =
  (isAwake: boolean, sleep?: [action: 'prepare' | 'switchOff', nonce: string, by: IdleAction]) =>
  (state: GateState, now: number): GateState => {
    const told = sleep && { sleep: { action: sleep[0], nonce: sleep[1], by: sleep[2] } };
    return afterResponse(state, state.version, { isAwake, ...told }, now);
  };
const prepare = (nonce: string, by: IdleAction = 'suspend'): Step =>
  hears(false, ['prepare', nonce, by]);
const switchOff = (nonce: string, by: IdleAction = 'stop'): Step =>
  hears(false, ['switchOff', nonce, by]);
const awake: Step = hears(true);
const awakeForAnOlderReport: Step = (state, now) =>
  afterResponse(state, state.version - 1, { isAwake: true }, now);
const idle: Step = (state, now) => afterLook(state, true, now);
const busy: Step = (state, now) => afterLook(state, false, now);
const said: Step = (state) => afterSaid(state, state.answer);
const used: Step = afterUse;
const woke: Step = afterWake;
const forgotten: Step = afterForgotten;
/** Ten seconds pass before every step. */
const time: Step = afterTime;
const minute: Step[] = Array.from({ length: GATE_SECONDS / 10 }, () => time);

const AGREED: Step[] = [prepare('a'), idle];
const AGREED_STOP: Step[] = [prepare('a', 'stop'), idle];

/** The phase, and the answer for the next report: `a yes 60`, `a no`, or nothing. */
const CASES: [name: string, phase: string, answer: string, steps: Step[]][] = [
  ['nothing was asked', 'open', '', []],
  ['the API says awake', 'open', '', [awake]],
  ['it is asked to prepare', 'looking', '', [prepare('a')]],
  ['something runs', 'open', 'a no', [prepare('a'), busy]],
  ['nothing runs', 'agreed', 'a yes 60', AGREED],
  ['some of the time is over', 'agreed', 'a yes 40', [...AGREED, time, time]],
  ['the report has arrived', 'agreed', '', [...AGREED, said]],
  ['the time is over', 'open', '', [...AGREED, said, ...minute]],
  ['the time is over before a report arrived', 'open', 'a no', [...AGREED, ...minute]],
  ['the API says awake after the agreement', 'open', '', [...AGREED, said, awake]],
  ['… in answer to a report from before', 'agreed', '', [...AGREED, said, awakeForAnOlderReport]],
  ['the API says awake during the look', 'open', 'a no', [prepare('a'), awake]],
  ['… in answer to the report before', 'looking', '', [prepare('a'), awakeForAnOlderReport]],
  ['the same nonce comes again', 'agreed', 'a yes 30', [...AGREED, said, time, prepare('a')]],
  ['… during the look', 'looking', '', [prepare('a'), prepare('a')]],
  ['… when it no longer holds', 'open', 'a no', [...AGREED, said, ...minute, prepare('a')]],
  ['… after a no', 'open', 'a no', [prepare('a'), busy, said, prepare('a')]],
  ['… after another one', 'agreed', 'a no', [...AGREED, prepare('b'), idle, said, prepare('a')]],
  ['another nonce comes', 'looking', '', [...AGREED, said, prepare('b')]],
  ['… and nothing runs', 'agreed', 'b yes 60', [...AGREED, said, prepare('b'), idle]],
  ['… and somebody waits', 'open', 'b no', [...AGREED, said, used, prepare('b')]],
  ['a cell is run during the look', 'open', 'a no', [prepare('a'), used]],
  ['a cell is run before a suspend', 'agreed', '', [...AGREED, said, used]],
  ['… and the API says awake', 'open', '', [...AGREED, said, used, awake]],
  ['a cell is run before a stop', 'open', 'a no', [...AGREED_STOP, said, used]],
  ['… and it is told to switch off', 'open', 'a no', [...AGREED_STOP, used, said, switchOff('a')]],
  ['it wakes during the look', 'open', 'a no', [prepare('a'), woke]],
  ['it wakes while the agreement holds', 'agreed', '', [...AGREED, said, woke]],
  ['it is told to switch off', 'lookingLast', '', [...AGREED_STOP, said, switchOff('a')]],
  ['… twice', 'lookingLast', '', [...AGREED_STOP, said, switchOff('a'), switchOff('a')]],
  ['… and nothing runs', 'off', '', [...AGREED_STOP, said, switchOff('a'), idle]],
  ['… and something runs', 'open', 'a no', [...AGREED_STOP, said, switchOff('a'), busy]],
  ['… and a cell is run', 'open', 'a no', [...AGREED_STOP, said, switchOff('a'), used]],
  ['… and wakes', 'open', 'a no', [...AGREED_STOP, said, switchOff('a'), woke]],
  [
    '… and looks for too long',
    'open',
    'a no',
    [...AGREED_STOP, said, switchOff('a'), ...minute.slice(1), idle],
  ],
  [
    'it is told to switch off too late',
    'open',
    'a no',
    [...AGREED_STOP, ...minute, switchOff('a')],
  ],
  ['… under another nonce', 'agreed', 'b no', [...AGREED_STOP, said, switchOff('b')]],
  ['… what was agreed for a suspend', 'agreed', 'a no', [...AGREED, said, switchOff('a')]],
  ['… what was never agreed', 'open', 'a no', [switchOff('a')]],
  ['nobody cares for it', 'lookingLast', '', [forgotten]],
  ['… and nothing runs', 'off', '', [forgotten, idle]],
  ['… and something runs', 'open', '', [forgotten, busy]],
  ['… and a cell is run', 'open', '', [forgotten, used]],
  ['… but the API says awake', 'open', '', [forgotten, awake]],
  ['… while a sleep is agreed', 'agreed', 'a yes 50', [...AGREED, forgotten]],
  [
    'it is off, whatever comes',
    'off',
    '',
    [forgotten, idle, used, awake, woke, prepare('a'), time],
  ],
];

describe('the gate', () => {
  for (const [name, phase, answer, steps] of CASES) {
    it(`is ${phase} and says '${answer}' when ${name}`, () => {
      let now = 0;
      let state = OPEN_GATE;
      for (const step of steps) {
        now += 10_000;
        state = step(state, now);
      }
      const word = wordOf(state, now);
      const verdict = word?.isAgreed === true ? `yes ${word.forSeconds}` : 'no';
      assert.equal(state.phase.kind, phase);
      assert.equal(word ? `${word.nonce} ${verdict}` : '', answer);
    });
  }

  it('agrees to a nonce once, only while it is shut, and opens in the end, whatever happens', () => {
    for (let seed = 1; seed <= 200; seed += 1) live(randomFrom(seed));
  });
});

/** What can happen, in a random order; everything that must hold is checked after every step. */
function live(random: () => number): void {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const nonces = ['a', 'b', 'c', 'd'];
  let state = OPEN_GATE;
  let now = 0;
  const ended = new Set<string>();
  let agreedAt = new Map<string, number>();
  for (let count = 0; count < 200 && state.phase.kind !== 'off'; count += 1) {
    now += Math.floor(random() * 8_000);
    const step = pick<Step>([
      prepare(pick(nonces), pick<IdleAction>(['suspend', 'stop', 'delete'])),
      switchOff(pick(nonces)),
      pick([awake, awakeForAnOlderReport, woke]),
      pick([idle, busy]),
      pick([said, used, time]),
    ]);
    const before = state;
    state = step(state, now);
    const { phase } = state;
    if (phase.kind === 'agreed' && before.phase.kind === 'looking') {
      assert.ok(!agreedAt.has(phase.nonce), `${phase.nonce} agreed anew`);
      agreedAt = new Map(agreedAt).set(phase.nonce, now);
    }
    for (const nonce of agreedAt.keys()) {
      const isHeld = phase.kind !== 'open' && phase.kind !== 'off' && phase.nonce === nonce;
      if (!isHeld) ended.add(nonce);
    }
    const word = wordOf(state, now);
    if (word?.isAgreed === true) {
      assert.ok(!isOpen(state) && !ended.has(word.nonce), `${word.nonce} has ended`);
      const spent = (now - (agreedAt.get(word.nonce) ?? 0)) / 1000;
      assert.ok(word.forSeconds + spent <= GATE_SECONDS, `${word.forSeconds} after ${spent}`);
    }
    if (phase.kind === 'off') assert.equal(before.phase.kind, 'lookingLast');
  }
  if (state.phase.kind === 'looking') state = idle(state, now);
  if (state.phase.kind !== 'off') assert.ok(isOpen(afterTime(state, now + GATE_SECONDS * 1000)));
}

/** mulberry32: the same life for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
