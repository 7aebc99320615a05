// Where a front-end's channel to a kernel meets the agent's. Messages pass straight through; what a channel needs to
// survive a cut (agent/channel.ts) belongs here, between the two. Called by sockets.ts.
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import { bridge } from './bridge.ts';

export interface Channel {
  /** The front-end's side, open. */
  front: WebSocket;
  /** The agent's side, open and paused. */
  back: WebSocket;
}

export function joinChannel(channel: Channel, clock: Clock): void {
  bridge(channel.front, channel.back, clock);
}
