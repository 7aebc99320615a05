// One delivery of a message to a function, as Eventarc makes it: a CloudEvent in binary mode with an ID token of
// the trigger's service account. Anything but 2xx is no acknowledgement.
// https://cloud.google.com/eventarc/docs/cloudevents
import type { Clock } from '../clock.ts';
import { serviceAccountIdentity } from '../oidc/service-account.ts';
import type { Tokens } from '../oidc/tokens.ts';
import type { Message, Subscription } from './state.ts';

export interface PushOptions {
  project: { id: string };
  tokens: Tokens;
  clock: Clock;
}

/** How long a function may take: the longest that an event function can. */
const DEADLINE_MILLISECONDS = 540_000;

/** Undefined when the function has acknowledged; otherwise what it said instead. */
export async function push(
  { name, topic, audience }: Subscription,
  message: Message,
  { project, tokens, clock }: PushOptions,
  closed: AbortSignal,
): Promise<string | undefined> {
  const deadline = new AbortController();
  const cancel = clock.after(DEADLINE_MILLISECONDS, () => {
    deadline.abort();
  });
  try {
    const reply = await fetch(pushEndpoint(audience, topic), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${eventToken(project.id, audience, tokens)}`,
        'ce-id': message.messageId,
        'ce-source': `//pubsub.googleapis.com/${topic}`,
        'ce-specversion': '1.0',
        'ce-type': 'google.cloud.pubsub.topic.v1.messagePublished',
        'ce-time': message.publishTime,
      },
      body: JSON.stringify({ message: wrapped(message), subscription: name }),
      signal: AbortSignal.any([deadline.signal, closed]),
    });
    await reply.body?.cancel();
    return reply.ok ? undefined : `HTTP ${reply.status}`;
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return cause instanceof Error ? cause.message : 'no answer';
  } finally {
    cancel();
  }
}

/** Eventarc's subscriptions ask Cloud Run this way to make CloudEvents of the messages. */
export function pushEndpoint(url: string, topic: string): string {
  const endpoint = new URL(url);
  endpoint.searchParams.set('__GCP_CloudEventsMode', `CUSTOM_PUBSUB_${topic}`);
  return endpoint.href;
}

export function eventAccount(project: string): string {
  return `datalab-events@${project}.iam.gserviceaccount.com`;
}

function eventToken(project: string, audience: string, tokens: Tokens): string {
  const { email, subject } = serviceAccountIdentity(eventAccount(project));
  return tokens.issueIdToken({
    aud: audience,
    azp: subject,
    sub: subject,
    email,
    email_verified: true,
  });
}

/** Both spellings, as Pub/Sub sends them. */
function wrapped(message: Message) {
  const { messageId, publishTime } = message;
  return { ...message, message_id: messageId, publish_time: publishTime };
}
