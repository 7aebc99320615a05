// What is to be done for a kernel now, one thing at a time (pure): asked again after each, until nothing is left. It
// depends on the state alone, so an agent that died goes on where it was.
import type { Conditions } from './record.ts';
import type { KernelState, Lane, Owed, Prompt } from './state.ts';
import { MAIN_LANE, STDIN_LANE } from './state.ts';
import { isLost } from './unanswered.ts';

export type Step =
  /** Write the next part of an answer that the agent owes. */
  | { readonly do: 'answer'; readonly owed: Owed }
  /** Write `sent`, then hand the request's bytes to the gateway. */
  | { readonly do: 'send'; readonly lane: string; readonly sequence: number }
  /** Ask the kernel something in this lane: its answer shows what became of what was sent before. */
  | { readonly do: 'fence'; readonly lane: string }
  /** Show an open prompt to the page with this channel: its own page has gone, or it is asked again. */
  | { readonly do: 'showPrompt'; readonly prompt: Prompt; readonly channel: string };

/** @returns `undefined` when there is nothing to do before something happens */
export function nextStep(state: KernelState, conditions: Conditions): Step | undefined {
  const [owed] = state.owed;
  if (owed) return { do: 'answer', owed };
  const prompt = orphanedPrompt(state, conditions);
  if (prompt) return prompt;
  const { connection, isHeld, fences } = conditions;
  if (connection === undefined || isHeld || state.isRestarting) return undefined;
  const input = inputFor(state, connection, conditions);
  if (input) return input;
  // Before anything else is sent: it might run for hours.
  const ending = state.ending.find(
    ({ lane, sentOn }) => sentOn !== connection && !fences.has(lane),
  );
  if (ending) return { do: 'fence', lane: ending.lane };
  const hasLost = [...state.unanswered.values()].some((item) => isLost(item, connection));
  if (hasLost && !fences.has(MAIN_LANE)) return { do: 'fence', lane: MAIN_LANE };
  for (const [lane, content] of state.lanes) {
    const step = nextInLane(lane, content, state.aborting, { connection, fences });
    if (step) return step;
  }
  return undefined;
}

function nextInLane(
  lane: string,
  { running, waiting }: Lane,
  aborting: readonly string[],
  { connection, fences }: { connection: string; fences: ReadonlySet<string> },
): Step | undefined {
  // A fence answers for what was sent before it, so nothing is sent until it has been answered.
  if (fences.has(lane)) return undefined;
  if (running?.mayResend) return { do: 'send', lane, sequence: running.sequence };
  if (running && (running.sentOn !== connection || running.isResent)) return { do: 'fence', lane };
  const [first] = waiting;
  const isExecute = first?.type === 'execute_request';
  if (!first || (running && isExecute)) return undefined;
  // ipykernel aborts what it reads within a moment after a failure, cells among it that were sent for another reason.
  if (isExecute && aborting.includes(lane)) return { do: 'fence', lane };
  return { do: 'send', lane, sequence: first.sequence };
}

/** Nobody may ever come back to a channel that is only kept. */
function orphanedPrompt({ prompt }: KernelState, { present }: Conditions): Step | undefined {
  const [channel] = present;
  if (!prompt?.isOrphan || prompt.input || channel === undefined) return undefined;
  return { do: 'showPrompt', prompt, channel };
}

/**
 * A cell that waits for input answers no question, so nobody can tell whether it got what was on its way when a connection
 * broke. As long as it has not been heard since, it is sent again, or asked for again where the kernel might take it twice.
 */
function inputFor(
  state: KernelState,
  connection: string,
  { present }: Conditions,
): Step | undefined {
  const { prompt, channels, refusesRepeats } = state;
  if (!prompt?.input || prompt.input.sentOn === connection) return undefined;
  const { sequence, sentOn } = prompt.input;
  if (sentOn === undefined || refusesRepeats) return { do: 'send', lane: STDIN_LANE, sequence };
  const [another] = present;
  const channel = channels.has(prompt.channel) ? prompt.channel : another;
  return channel === undefined ? undefined : { do: 'showPrompt', prompt, channel };
}
