// A cell asks for input (pure); reduce.ts calls it.
import type { MessageEntry } from './entry.ts';
import type { KernelState } from './state.ts';

/** Whose page has gone, or is not known, asks the next one. */
export function withPrompt(state: KernelState, entry: MessageEntry, sequence: number): KernelState {
  const { prompt: id = '', parent = '', to: channel = '' } = entry;
  const isOrphan = !state.channels.has(channel);
  return { ...state, prompt: { id, sequence, parent, channel, isOrphan } };
}
