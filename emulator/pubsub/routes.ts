// The part of Pub/Sub's API that people look at a project with: topics, subscriptions, publishing by hand.
// https://cloud.google.com/pubsub/docs/reference/rest
import { z } from 'zod';
import { checkQuery, parseBody } from '../compute/requests.ts';
import { rpcError } from '../google-error.ts';
import { requireBearer, type Tokens } from '../oidc/tokens.ts';
import { json, type Call, type Params, type Reply, type Route } from '../router.ts';
import type { Pubsub } from './pubsub.ts';
import { eventAccount, pushEndpoint } from './push.ts';
import type { Subscription } from './state.ts';

export interface PubsubRoutesOptions {
  project: { id: string };
  pubsub: Pubsub;
  tokens: Tokens;
}

const PAGE_PARAMETERS = ['pageSize', 'pageToken'];
const MAX_PAGE = 1000;
/** https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names */
const TOPIC_NAME = /^(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/;

const topicRequest = z.strictObject({ name: z.string().optional() });
const publishRequest = z.strictObject({
  messages: z
    .array(
      z.strictObject({
        data: z.base64().optional(),
        attributes: z.record(z.string(), z.string()).optional(),
      }),
    )
    .min(1)
    .max(1000),
});

export function createPubsubRoutes(options: PubsubRoutesOptions): Route[] {
  const { pubsub, project, tokens } = options;
  const base = '/v1/projects/:project';
  const route = (
    method: string,
    path: string,
    answer: (call: Call, params: Params) => Reply,
    query: readonly string[] = [],
  ): Route => ({
    method,
    path: `${base}${path}`,
    handle: (call, params) => {
      requireBearer(tokens, call.headers.authorization);
      if (params['project'] !== project.id) {
        throw rpcError('PERMISSION_DENIED', 'User not authorized to perform this action.');
      }
      checkQuery(call, query);
      return answer(call, params);
    },
  });
  const topicName = ({ topic = '' }: Params) => `projects/${project.id}/topics/${topic}`;
  const { value } = pubsub.state;
  return [
    route(
      'GET',
      '/topics',
      (call) =>
        page(
          call,
          'topics',
          value.topics.map((name) => ({ name })),
        ),
      PAGE_PARAMETERS,
    ),
    route('GET', '/topics/:topic', (_, params) => {
      requireTopic(pubsub, topicName(params));
      return json({ name: topicName(params) });
    }),
    route('PUT', '/topics/:topic', (call, params) => {
      parseBody(call, topicRequest, 'topic');
      return createTopic(pubsub, topicName(params), params['topic'] ?? '');
    }),
    // `:publish` belongs to the last segment, which the router does not take apart.
    route('POST', '/topics/:topic', (call, params) => publish(call, topicName(params), pubsub)),
    route(
      'GET',
      '/subscriptions',
      (call) =>
        page(
          call,
          'subscriptions',
          value.subscriptions.map((subscription) => shown(subscription, project.id)),
        ),
      PAGE_PARAMETERS,
    ),
    route('GET', '/subscriptions/:subscription', (_, { subscription = '' }) => {
      const name = `projects/${project.id}/subscriptions/${subscription}`;
      const found = value.subscriptions.find((candidate) => candidate.name === name);
      if (!found) throw notFound(subscription);
      return json(shown(found, project.id));
    }),
  ];
}

function publish(call: Call, called: string, pubsub: Pubsub): Reply {
  const [topic = '', verb] = called.split(':');
  if (verb !== 'publish') throw rpcError('NOT_FOUND', 'Method not found.');
  requireTopic(pubsub, topic);
  const { messages } = parseBody(call, publishRequest, 'request');
  const isEmpty = messages.some(({ data = '', attributes = {} }) => {
    return data === '' && Object.keys(attributes).length === 0;
  });
  if (isEmpty) {
    const why = 'Each message must contain either non-empty data, or at least one attribute.';
    throw rpcError(
      'INVALID_ARGUMENT',
      `One or more messages in the publish request is empty. ${why}`,
    );
  }
  const messageIds = messages.map(({ data = '', attributes = {} }) =>
    pubsub.publish(topic, Buffer.from(data, 'base64'), attributes),
  );
  return json({ messageIds });
}

function createTopic(pubsub: Pubsub, topic: string, id: string): Reply {
  if (!TOPIC_NAME.test(id)) {
    throw rpcError('INVALID_ARGUMENT', `Invalid resource name given (name=${topic}).`);
  }
  if (pubsub.hasTopic(topic)) {
    throw rpcError('ALREADY_EXISTS', `Resource already exists in the project (resource=${id}).`);
  }
  pubsub.ensureTopic(topic);
  return json({ name: topic });
}

function requireTopic(pubsub: Pubsub, topic: string): void {
  if (!pubsub.hasTopic(topic)) throw notFound(topic.split('/').at(-1) ?? '');
}

function notFound(id: string) {
  return rpcError('NOT_FOUND', `Resource not found (resource=${id}).`);
}

function shown({ name, topic, audience }: Subscription, project: string) {
  return {
    name,
    topic,
    pushConfig: {
      pushEndpoint: pushEndpoint(audience, topic),
      oidcToken: { serviceAccountEmail: eventAccount(project), audience },
    },
    ackDeadlineSeconds: 540,
    messageRetentionDuration: '86400s',
    expirationPolicy: {},
    retryPolicy: { minimumBackoff: '10s', maximumBackoff: '600s' },
    state: 'ACTIVE',
  };
}

function page({ query }: Call, field: string, all: readonly object[]): Reply {
  const size = Number(query.get('pageSize') ?? 0);
  if (!Number.isInteger(size) || size < 0 || size > MAX_PAGE) {
    throw rpcError('INVALID_ARGUMENT', `Invalid page size: must be from 0 to ${MAX_PAGE}.`);
  }
  const start = readToken(query.get('pageToken') ?? '');
  const end = start + (size === 0 ? MAX_PAGE : size);
  const found = all.slice(start, end);
  return json({
    ...(found.length > 0 ? { [field]: found } : {}),
    ...(end < all.length
      ? { nextPageToken: Buffer.from(`from:${end}`).toString('base64url') }
      : {}),
  });
}

function readToken(token: string): number {
  if (token === '') return 0;
  const start = /^from:(\d+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  if (start === undefined) throw rpcError('INVALID_ARGUMENT', 'Invalid page token.');
  return Number(start);
}
