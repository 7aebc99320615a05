// The state of the emulated cloud as Google's own APIs show it to a user: what journeys are asserted on. Answers are
// read as far as a test needs them.
import { z } from 'zod';
import { PROJECT, request } from '../emulator/cloud-fixture.ts';

const machine = z.object({
  id: z.string(),
  name: z.string(),
  /** A URL that ends with the name. */
  zone: z.string().transform((url) => url.split('/').at(-1) ?? ''),
  status: z.string(),
  labels: z.record(z.string(), z.string()),
});
export type Machine = z.infer<typeof machine>;

const operation = z.object({ operationType: z.string(), targetId: z.string(), user: z.string() });
export type Operation = z.infer<typeof operation>;

const build = z.object({
  id: z.string(),
  status: z.string(),
  results: z.object({ images: z.array(z.object({ digest: z.string() })) }).optional(),
});
export type Build = z.infer<typeof build>;

export interface GoogleWorld {
  /** @param path from the root of the host, such as /v1/projects/P/builds. @throws unless it succeeds */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  /** In all zones; with a session's id only its own. */
  instances(sessionId?: string): Promise<Machine[]>;
  /** Names, in all zones. */
  disks(): Promise<string[]>;
  /** What was done to the instance with this id, in whatever order. */
  operations(instanceId: string): Promise<Operation[]>;
  builds(): Promise<Build[]>;
  /** Calls a method of an instance: `''` deletes it. */
  change(method: 'POST' | 'DELETE', machine: Machine, verb?: string): Promise<void>;
}

const COMPUTE = `/compute/v1/projects/${PROJECT}`;

/** @param accessToken of a user or a service account, as gcloud would send it */
export function googleWorldOf(origin: string, accessToken: string): GoogleWorld {
  const call: GoogleWorld['call'] = async (method, path, body) => {
    const { status, body: answer } = await request(method, origin + path, body, accessToken);
    if (status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const aggregated = async <T>(kind: string, item: z.ZodType<T>): Promise<T[]> => {
    const scope = z.object({ [kind]: z.array(item).optional() });
    const { items } = z
      .object({ items: z.record(z.string(), scope).default({}) })
      .parse(await call('GET', `${COMPUTE}/aggregated/${kind}`));
    return Object.values(items).flatMap((found) => found[kind] ?? []);
  };
  return {
    call,
    instances: async (sessionId) => {
      const all = await aggregated('instances', machine);
      const isMeant = ({ labels }: Machine) => labels['datalab-session'] === sessionId;
      return sessionId === undefined ? all : all.filter(isMeant);
    },
    disks: async () =>
      (await aggregated('disks', z.object({ name: z.string() }))).map(({ name }) => name),
    operations: async (instanceId) =>
      (await aggregated('operations', operation)).filter(({ targetId }) => targetId === instanceId),
    builds: async () =>
      z
        .object({ builds: z.array(build).default([]) })
        .parse(await call('GET', `/v1/projects/${PROJECT}/builds`)).builds,
    change: async (method, { zone, name }, verb = '') => {
      const below = verb === '' ? '' : `/${verb}`;
      await call(method, `${COMPUTE}/zones/${zone}/instances/${name}${below}`);
    },
  };
}

/** The one instance that there is. @throws when there are others, or none */
export function only<T>(found: readonly T[]): T {
  const [first, ...others] = found;
  if (first === undefined || others.length > 0)
    throw new Error(`not one: ${JSON.stringify(found)}`);
  return first;
}
