// Pub/Sub's memory: topics, push subscriptions, and the messages that nobody has acknowledged yet. One file in the
// state folder.
import path from 'node:path';
import { z } from 'zod';
import { openStateFile, type StateFile } from '../state.ts';

const message = z.object({
  messageId: z.string(),
  publishTime: z.string(),
  /** Base64. */
  data: z.string(),
  attributes: z.record(z.string(), z.string()),
});
export type Message = z.infer<typeof message>;

const subscription = z.object({
  /** projects/P/subscriptions/S */
  name: z.string(),
  topic: z.string(),
  /** What the push endpoint's tokens are for, and where Eventarc's events go: the function's URL. */
  audience: z.string(),
  pending: z.array(message),
});
export type Subscription = z.infer<typeof subscription>;

const pubsubRecord = z.object({
  nextMessageId: z.int(),
  /** projects/P/topics/T */
  topics: z.array(z.string()),
  subscriptions: z.array(subscription),
});
export type PubsubState = StateFile<z.infer<typeof pubsubRecord>>;

export function openPubsubState(stateDir: string): PubsubState {
  return openStateFile(path.join(stateDir, 'pubsub.json'), pubsubRecord, () => ({
    nextMessageId: 10_000_000_000_001,
    topics: [],
    subscriptions: [],
  }));
}
