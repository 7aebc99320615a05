// Pub/Sub with the push subscriptions that Eventarc makes for functions: every message is delivered to every
// subscription until its function has acknowledged it. Cloud Build publishes here; push.ts makes the requests.
import { rpcTimestamp, type Clock } from '../clock.ts';
import { rpcError } from '../google-error.ts';
import type { Tokens } from '../oidc/tokens.ts';
import type { Durations } from '../options.ts';
import type { Log } from '../router.ts';
import { push } from './push.ts';
import { openPubsubState, type Message, type PubsubState, type Subscription } from './state.ts';

/** What becomes of a message: asked once for each subscription, by whoever wants trouble. */
export type Fate = 'deliver' | 'drop' | 'double';

export interface PubsubOptions {
  stateDir: string;
  project: { id: string; number: string };
  tokens: Tokens;
  clock: Clock;
  durations: Pick<
    Durations,
    'eventFirstRetryMilliseconds' | 'eventLastRetryMilliseconds' | 'eventRetentionMilliseconds'
  >;
  log: Log;
  fate?: (message: Message, topic: string) => Fate;
}

export interface Pubsub {
  readonly state: PubsubState;
  hasTopic(topic: string): boolean;
  /** Makes the topic (projects/P/topics/T) unless it is there. */
  ensureTopic(topic: string): void;
  /** The message's id. @throws GoogleError NOT_FOUND without the topic. */
  publish(topic: string, data: Buffer, attributes: Readonly<Record<string, string>>): string;
  /** One subscription per topic and function's URL path; what it had not acknowledged goes to the new URL. */
  subscribe(topic: string, pushUrl: string): void;
  close(): void;
}

export function createPubsub(options: PubsubOptions): Pubsub {
  const { stateDir, project, clock, fate = () => 'deliver' } = options;
  const state = openPubsubState(stateDir);
  const deliveries = new Deliveries(state, options);
  const requireTopic = (topic: string) => {
    if (state.value.topics.includes(topic)) return;
    throw rpcError('NOT_FOUND', `Resource not found (resource=${topic.split('/').at(-1) ?? ''}).`);
  };
  return {
    state,
    hasTopic: (topic) => state.value.topics.includes(topic),
    ensureTopic(topic) {
      if (state.value.topics.includes(topic)) return;
      state.value.topics.push(topic);
      state.save();
    },
    publish(topic, data, attributes) {
      requireTopic(topic);
      const message: Message = {
        messageId: String(state.value.nextMessageId++),
        publishTime: rpcTimestamp(clock.now()),
        data: data.toString('base64'),
        attributes: { ...attributes },
      };
      const due: [Subscription, number][] = [];
      for (const subscription of state.value.subscriptions) {
        if (subscription.topic !== topic) continue;
        const times = { drop: 0, deliver: 1, double: 2 }[fate(message, topic)];
        if (times > 0) subscription.pending.push(message);
        due.push([subscription, times]);
      }
      state.save();
      for (const [subscription, times] of due) {
        for (let time = 0; time < times; time += 1) deliveries.start(subscription, message);
      }
      return message.messageId;
    },
    subscribe(topic, pushUrl) {
      requireTopic(topic);
      const name = subscriptionName(project.id, topic, pushUrl);
      let found = state.value.subscriptions.find((subscription) => subscription.name === name);
      if (!found) {
        found = { name, topic, audience: pushUrl, pending: [] };
        state.value.subscriptions.push(found);
      }
      found.audience = pushUrl;
      state.save();
      for (const message of [...found.pending]) deliveries.start(found, message);
    },
    close: () => {
      deliveries.close();
    },
  };
}

/** As Eventarc names them; the port of a function may change from start to start, its path does not. */
function subscriptionName(project: string, topic: string, pushUrl: string): string {
  const place = new URL(pushUrl).pathname.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-|-$/g, '');
  const trigger = [topic.split('/').at(-1), place].filter((part) => part !== '').join('-');
  return `projects/${project}/subscriptions/eventarc-${trigger}-sub`;
}

/** Deliveries under way: each tries again, later and later, until it is acknowledged or the message too old. */
class Deliveries {
  readonly #state: PubsubState;
  readonly #options: PubsubOptions;
  readonly #closed = new AbortController();
  readonly #cancels = new Set<() => void>();

  constructor(state: PubsubState, options: PubsubOptions) {
    this.#state = state;
    this.#options = options;
  }

  start(subscription: Subscription, message: Message): void {
    void this.#attempt(subscription, message, this.#options.durations.eventFirstRetryMilliseconds);
  }

  close(): void {
    this.#closed.abort();
    for (const cancel of this.#cancels) cancel();
  }

  async #attempt(subscription: Subscription, message: Message, pause: number): Promise<void> {
    const refusal = await push(subscription, message, this.#options, this.#closed.signal);
    if (this.#closed.signal.aborted) return;
    if (refusal === undefined) {
      this.#settle(subscription, message);
      return;
    }
    const { clock, durations, log } = this.#options;
    const what = `message ${message.messageId} for ${subscription.audience}`;
    const age = clock.now() - Date.parse(message.publishTime);
    if (age + pause > durations.eventRetentionMilliseconds) {
      log(`${what} is given up: ${refusal}`);
      this.#settle(subscription, message);
      return;
    }
    log(`${what} was not taken (${refusal}); again in ${pause} ms`);
    const cancel = clock.after(pause, () => {
      this.#cancels.delete(cancel);
      const next = Math.min(2 * pause, durations.eventLastRetryMilliseconds);
      void this.#attempt(subscription, message, next);
    });
    this.#cancels.add(cancel);
  }

  #settle(subscription: Subscription, message: Message): void {
    subscription.pending = subscription.pending.filter(
      ({ messageId }) => messageId !== message.messageId,
    );
    this.#state.save();
  }
}
