// A cell asks for input, and is answered (pure); reduce.ts calls it.
import type { MessageEntry } from './entry.ts';
import type { Input, KernelState } from './state.ts';

/** Whose page has gone, or is not known, asks the next one. */
export function withPrompt(state: KernelState, entry: MessageEntry, sequence: number): KernelState {
  const { prompt: id = '', parent = '', to: channel = '' } = entry;
  const isOrphan = !state.channels.has(channel);
  return { ...state, prompt: { id, sequence, parent, channel, isOrphan } };
}

/** It was answered, or the answer was sent. */
export function withInput(state: KernelState, input: Input): KernelState {
  const { prompt } = state;
  const isAnother = prompt?.input !== undefined && prompt.input.sequence !== input.sequence;
  return prompt && !isAnother ? { ...state, prompt: { ...prompt, input } } : state;
}

/**
 * A word of the cell shows that it got its input. While it has none it may be a late one: output and prompts come by different
 * ways.
 */
export function withoutPrompt(state: KernelState, entry: MessageEntry): KernelState {
  const { prompt } = state;
  if (prompt === undefined || entry.parent !== prompt.parent) return state;
  const isEnd = entry.type === 'execute_reply' || entry.executionState === 'idle';
  const isSent = prompt.input?.sentOn !== undefined;
  return isEnd || isSent ? { ...state, prompt: undefined } : state;
}
