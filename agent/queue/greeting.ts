// What a channel's connection begins with (pure): whether the relay's channel is the one that the agent knows.
import type { Hello } from '../channel/frames.ts';
import type { Entry } from './entry.ts';
import type { ChannelState, KernelState } from './state.ts';

export interface Greeting {
  isResumed: boolean;
  /** To be written to the log before the relay is answered. */
  entry: Entry & { kind: 'channel' };
}

/**
 * A relay proves by the epoch that it had what it says it had: a copy of its state, or an old one, has another. The one
 * before is good as long as nobody has shown that he knows the present one.
 * @param first what lies before it in the log is not there any more
 */
export function greet(
  { channels }: KernelState,
  key: string,
  { channel, received }: Hello,
  log: { head: number; first: number },
  newIncarnation: () => string,
): Greeting {
  const known = channels.get(key);
  const isWhole = received + 1 >= log.first && received <= log.head;
  if (known && channel && isKnown(known, channel) && isWhole) {
    const { incarnation, epoch } = known;
    const previousEpoch = channel.epoch;
    return {
      isResumed: true,
      entry: { kind: 'channel', key, incarnation, epoch: epoch + 1, previousEpoch },
    };
  }
  return {
    isResumed: false,
    entry: { kind: 'channel', key, incarnation: newIncarnation(), epoch: 1 },
  };
}

function isKnown(known: ChannelState, said: { incarnation: string; epoch: number }): boolean {
  if (said.incarnation !== known.incarnation) return false;
  return said.epoch === known.epoch || said.epoch === known.previousEpoch;
}
