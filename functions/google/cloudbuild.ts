// Cloud Build: asks for builds of the gateway image and looks what became of them. By REST, since Google's client
// library knows no `options.pubsubTopic` (6.1.0) and drops, without a word, what it does not know.
import type { GoogleAuth } from 'google-auth-library';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { buildResource, readBuildFile, sourceHashOf, type BuildFile } from './build-file.ts';
import type { GatewayBuild } from '../gateway-build.ts';
import { extendResource, readExtendFile } from './extend-file.ts';
import type { SeenBuild } from '../image-plan.ts';
import type { Builds, ImageBuildRequest } from '../image-reconcile.ts';
import { absentIfNotFound } from './call.ts';
import { callJson } from './rest.ts';

export interface BuildConfig {
  readonly projectId: string;
  readonly buildUrl: string;
  /** Path of cloudbuild/gateway.yaml. */
  readonly buildFile: string;
  /** What is said instead of that file's own. */
  readonly gatewayBuild: GatewayBuild;
  /** Path of cloudbuild/extend.yaml. */
  readonly extendFile: string;
  /** `projects/P/topics/T`: where Cloud Build says what becomes of a build. */
  readonly buildTopic: string;
  /** E-mail of the account that builds; undefined: the project's default one. */
  readonly buildServiceAccount: string | undefined;
  readonly callSeconds: number;
}

/** With a filter a page may be empty and still have a next one. */
const MAX_PAGES = 10;

export function createBuilds(config: BuildConfig, auth: () => Promise<GoogleAuth>): Builds {
  const builds = `${config.buildUrl}/v1/projects/${config.projectId}/builds`;
  const options = { name: 'Cloud Build', callSeconds: config.callSeconds, auth };
  const readFile = () => readBuildFile(config.buildFile, config.gatewayBuild);
  return {
    findBuild: async (tag) => {
      let pageToken = '';
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const query = new URLSearchParams({ filter: `tags="${tag}"`, pageSize: '10', pageToken });
        const url = `${builds}?${query.toString()}`;
        const reply = await callJson({ method: 'GET', url }, listReply, options);
        // Newest first.
        const [newest] = reply.builds ?? [];
        if (newest) return seenBuild(newest);
        pageToken = reply.nextPageToken ?? '';
        if (pageToken === '') return undefined;
      }
      throw new AppError('UNAVAILABLE', 'Cloud Build: the list of builds does not end.', {
        isRetryable: true,
      });
    },
    getBuild: async (id) => {
      const url = `${builds}/${encodeURIComponent(id)}`;
      const build = await absentIfNotFound(callJson({ method: 'GET', url }, buildReply, options));
      return build && seenBuild(build);
    },
    createBuild: async (request) => {
      const body = await bodyOf(request, config, readFile);
      const call = { method: 'POST', url: builds, body } as const;
      const operation = await callJson(call, operationReply, options);
      return seenBuild(operation.metadata.build);
    },
    sourceHash: async () => sourceHashOf(await readFile()),
  };
}

async function bodyOf(
  { extension, ...request }: ImageBuildRequest,
  config: BuildConfig,
  readFile: () => Promise<BuildFile>,
): Promise<object> {
  if (!extension) return buildResource(await readFile(), request, config);
  const file = await readExtendFile(config.extendFile);
  return extendResource(file, { ...request, extension }, config);
}

const text = z.string().optional();

const buildReply = z.object({
  id: z.string(),
  status: z.string(),
  statusDetail: text,
  tags: z.array(z.string()).optional(),
  logUrl: text,
  startTime: text,
  results: z.object({ images: z.array(z.object({ digest: text })).optional() }).optional(),
  failureInfo: z.object({ detail: text }).optional(),
});

const listReply = z.object({ builds: z.array(buildReply).optional(), nextPageToken: text });
const operationReply = z.object({ metadata: z.object({ build: buildReply }) });

function seenBuild(build: z.infer<typeof buildReply>): SeenBuild {
  // All names that the build pushes are of one image.
  const digest = build.results?.images?.find((image) => image.digest)?.digest;
  const failureDetail = build.failureInfo?.detail ?? build.statusDetail;
  return {
    id: build.id,
    status: build.status,
    tags: build.tags ?? [],
    ...(build.logUrl ? { logUrl: build.logUrl } : {}),
    ...(build.startTime ? { startTime: build.startTime } : {}),
    ...(digest ? { digest } : {}),
    ...(failureDetail ? { failureDetail: failureDetail.slice(0, 500) } : {}),
  };
}
