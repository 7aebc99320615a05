// Channels of front-ends come, come back and go (pure); reduce.ts calls it.
import type { ChannelState, KernelState } from './state.ts';

export function afterChannel(
  state: KernelState,
  entry: { key: string; incarnation: string; epoch: number; previousEpoch?: number | undefined },
): KernelState {
  const { key, incarnation, epoch, previousEpoch } = entry;
  const known = state.channels.get(key);
  const isSame = known?.incarnation === incarnation;
  // Its relay still has what its page sent before it could see a failure.
  const { failedAt = 0, ranAt = 0 } = known ?? {};
  const before = isSame ? known : { received: 0, failedAt, ranAt };
  return withChannel(state, key, { ...before, incarnation, epoch, previousEpoch });
}

/** What it has asked for is done all the same; its prompt waits for another page. */
export function afterChannelGone(state: KernelState, key: string): KernelState {
  const channels = new Map(state.channels);
  channels.delete(key);
  const { prompt } = state;
  const isOrphan = prompt?.channel === key;
  return { ...state, channels, ...(isOrphan && { prompt: { ...prompt, isOrphan } }) };
}

export function changeChannel(
  state: KernelState,
  key: string,
  change: (channel: ChannelState) => ChannelState,
): KernelState {
  const channel = state.channels.get(key);
  return channel ? withChannel(state, key, change(channel)) : state;
}

function withChannel(state: KernelState, key: string, channel: ChannelState): KernelState {
  return { ...state, channels: new Map(state.channels).set(key, channel) };
}
