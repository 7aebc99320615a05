// Cloud Build and its log over REST, as far as the api function calls them: the builds are those of test-builds.ts. Part
// of fake-google.ts.
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { SeenBuild } from '../../functions/image-plan.ts';
import type { TestBuilds } from './test-builds.ts';

const BUILDS = '/v1/projects/p/builds';

const buildBody = z.object({
  steps: z.array(z.object({ args: z.array(z.string()).optional() })),
  substitutions: z.record(z.string(), z.string()),
  tags: z.array(z.string()).min(1),
  images: z.array(z.string()).min(1),
  options: z.looseObject({ pubsubTopic: z.literal('projects/p/topics/cloud-builds') }),
});
export type BuildBody = z.infer<typeof buildBody>;
const logQuery = z.looseObject({ filter: z.string() });

/** Undefined: that is none of its paths. */
export async function answerBuilds(
  request: IncomingMessage,
  { pathname, searchParams }: URL,
  builds: TestBuilds,
  requests: BuildBody[],
): Promise<object | undefined> {
  if (pathname === '/v2/entries:list') return await logOf(request, builds);
  if (!pathname.startsWith(BUILDS)) return undefined;
  const id = pathname.slice(BUILDS.length + 1);
  if (id !== '') return shown(await builds.getBuild(id));
  if (request.method === 'GET') {
    const [, tag = ''] = /^tags="(.+)"$/.exec(searchParams.get('filter') ?? '') ?? [];
    const found = await builds.findBuild(tag);
    return found ? { builds: [shown(found)] } : {};
  }
  const body = buildBody.parse(JSON.parse(await text(request)));
  const { tags } = body;
  requests.push(body);
  return {
    name: 'operations/1',
    metadata: { build: shown(await builds.createBuild({ tag: tags.at(-1) ?? '' })) },
  };
}

function shown(build: SeenBuild | undefined): object {
  if (!build) throw new Error('there is no such build');
  const { id, status, tags, digest } = build;
  const results =
    digest === undefined ? {} : { results: { images: [{ name: 'gateway', digest }] } };
  return { id, status, tags, logUrl: `https://console.example/builds/${id}`, ...results };
}

/** The newest first, as it is asked for; a container of an instance has printed one line. */
async function logOf(request: IncomingMessage, builds: TestBuilds): Promise<object> {
  const { filter } = logQuery.parse(JSON.parse(await text(request)));
  const timestamp = '2026-01-01T00:00:00.123456789Z';
  const [, id, name] =
    /instance_id="(\d+)" AND jsonPayload\."cos\.googleapis\.com\/container_name"="([\w-]+)"/.exec(
      filter,
    ) ?? [];
  if (id !== undefined) {
    const message = `line of ${name ?? ''} on ${id}\n`;
    return { entries: [{ timestamp, jsonPayload: { message } }] };
  }
  const [, buildId = ''] = /build_id="([^"]+)"/.exec(filter) ?? [];
  const lines = await builds.lastLines(buildId);
  return { entries: lines.reverse().map((textPayload) => ({ timestamp, textPayload })) };
}
