// Notices a peer that is gone without a word (sleep, lost network): pings, and tells when nothing comes back.
// stream.ts starts it once a tunnel is open. Google drops tunnels that are idle for an hour, too.
import { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';

/** Calls `onSilence` once, when nothing at all arrived between two pings. Returns what stops it. */
export function watchPeer(
  relay: WebSocket,
  clock: Clock,
  intervalMilliseconds: number,
  onSilence: () => void,
): () => void {
  let hasHeardPeer = true;
  const onSign = () => {
    hasHeardPeer = true;
  };
  const check = () => {
    // While reading is paused no pong can be seen; how long that lasts is up to our own reader.
    if (!hasHeardPeer && !relay.isPaused) {
      stop();
      onSilence();
      return;
    }
    hasHeardPeer = relay.isPaused;
    if (relay.readyState === WebSocket.OPEN) relay.ping();
    cancel = clock.after(intervalMilliseconds, check);
  };
  const stop = () => {
    cancel();
    relay.off('message', onSign).off('ping', onSign).off('pong', onSign);
  };
  relay.on('message', onSign).on('ping', onSign).on('pong', onSign);
  let cancel = clock.after(intervalMilliseconds, check);
  return stop;
}
