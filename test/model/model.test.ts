// Queue and channels under random schedules: frames delayed, lost and cut, either end killed at any point, several pages,
// kernels restarted. MODEL_SCHEDULES runs more of them, MODEL_SEED the same ones again.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { RelayModel } from './relay-model.ts';
import { World } from './world.ts';

const SCHEDULES = Number(process.env['MODEL_SCHEDULES'] ?? 20_000);
const STRETCH = 30;
const SEED = Number(process.env['MODEL_SEED'] ?? Date.now() % 2 ** 31);

describe('a kernel’s queue and its channels', () => {
  it(`keep their promises in ${SCHEDULES} random schedules`, (t) => {
    t.diagnostic(`MODEL_SEED=${SEED}`);
    const schedule = fc.array(fc.nat(2 ** 16 - 1), { minLength: 20, maxLength: 120, size: 'max' });
    fc.assert(
      fc.property(schedule, (choices) => {
        const world = new World();
        // Between two stretches everything comes to rest: what follows was sent by somebody who has seen it all.
        for (let begin = 0; begin < choices.length; begin += STRETCH) {
          for (const choice of choices.slice(begin, begin + STRETCH)) world.move(choice);
          world.rest();
        }
        check(world);
      }),
      { numRuns: SCHEDULES, seed: SEED },
    );
  });
});

function check(world: World): void {
  const { agent, kernel, relays } = world;
  assert.equal(agent.state.owed.length, 0);
  assert.equal(agent.state.unanswered.size, 0);
  assert.equal(agent.state.ending.length, 0);
  assert.deepEqual(kernel.aborted, [], 'sent to a kernel that has just seen a failure');
  const ran = kernel.ran.map(({ id }) => id);
  assert.equal(new Set(ran).size, ran.length, `a cell ran twice: ${ran.join()}`);
  for (const relay of relays) checkPage(world, relay, ran);
}

function checkPage({ faults, kinds }: World, relay: RelayModel, ran: string[]): void {
  const own = ran.filter((id) => id.startsWith(`${relay.key}-`));
  assert.deepEqual(
    own,
    relay.sent.filter((id) => own.includes(id)),
    'not in the order of the page',
  );
  checkDoubt(relay, own);
  for (const id of relay.sent) {
    const replies = relay.got
      .filter(({ header, parent }) => parent.msg_id === id && header.msg_type === 'execute_reply')
      .map((message) => message.content() as { status: string; ename?: string });
    const last = replies.at(-1);
    if (relay.unknown.has(id)) continue;
    assert.ok(last, `${id} has no reply`);
    assert.ok(hasEnded(relay, id), `${id} is shown as running for ever`);
    // A relay that died may have written what it had not noted.
    assert.ok(replies.length <= 1 + relay.crashes, `${id} has ${replies.length} replies`);
    if (last.status === 'aborted' && faults.restarts === 0)
      assert.ok(!ran.includes(id), `${id} ran and is said to be aborted`);
    if (last.status === 'ok') assert.ok(ran.includes(id), `${id} did not run`);
    const isUnknown = last.ename === 'OutcomeUnknown';
    const isHarmless = faults.restarts === 0 && faults.lostWords === 0;
    if (isUnknown) assert.ok(!isHarmless, `${id}: nothing was lost`);
    if (last.status === 'ok' && faults.lostWords === 0) checkOutput(relay, id);
    const isInterrupted = kinds.get(id) === 'asks' && faults.lostWords > 0;
    const isOwnError = last.status === 'error' && !isUnknown && !isInterrupted;
    if (isOwnError) assert.equal(kinds.get(id), 'fails');
  }
}

/** What the page sent behind a cell in doubt, before it could know of it, has not run. */
function checkDoubt(relay: RelayModel, ran: string[]): void {
  for (const [place, message] of relay.got.entries()) {
    if (message.header.msg_type !== 'execute_reply') continue;
    const { ename } = message.content() as { ename?: string };
    if (ename !== 'OutcomeUnknown') continue;
    const inDoubt = message.parent.msg_id ?? '';
    const behind = relay.sent.slice(relay.sent.indexOf(inDoubt) + 1);
    const unaware = behind.filter((id) => (relay.knew.get(id) ?? 0) <= place);
    const ranBehind = unaware.filter((id) => ran.includes(id));
    assert.deepEqual(ranBehind, [], `ran though ${inDoubt} is in doubt`);
  }
}

function hasEnded({ got }: RelayModel, id: string): boolean {
  return got.some((message) => {
    const { header, parent } = message;
    if (header.msg_type !== 'status' || parent.msg_id !== id) return false;
    return (message.content() as { execution_state?: string }).execution_state === 'idle';
  });
}

function checkOutput(relay: RelayModel, id: string): void {
  const texts = relay.got
    .filter(({ header, parent }) => parent.msg_id === id && header.msg_type === 'stream')
    .map((message) => (message.content() as { text: string }).text);
  const once =
    relay.crashes > 0 ? texts.filter((text, index) => texts.indexOf(text) === index) : texts;
  assert.deepEqual(once, ['1', '2'], `output of ${id}`);
}
