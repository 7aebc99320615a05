// Builds for tests: submitted through the emulated API, followed to their end.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { BUILD_FILE } from '../../scripts/gateway-build.ts';
import { until } from '../helpers/until.ts';
import { PROJECT, type Cloud, type Fields } from './cloud-fixture.ts';

export const GATEWAY = `gcr.io/${PROJECT}/datalab-gateway`;

/** cloudbuild/gateway.yaml as gcloud would send it. */
export function gatewayBuild(): Fields {
  return parse(readFileSync(BUILD_FILE, 'utf8')) as Fields;
}

/** A build of one bash step. */
export function bashBuild(script: string, overrides: Fields = {}): Fields {
  return {
    steps: [{ name: 'bash', args: ['-c', script] }],
    options: { logging: 'CLOUD_LOGGING_ONLY' },
    ...overrides,
  };
}

/** A build of an image from the Dockerfile. */
export function imageBuild(dockerfile: string, image = `gcr.io/${PROJECT}/x`): Fields {
  const docker = 'gcr.io/cloud-builders/docker';
  return {
    steps: [
      { name: 'bash', args: ['-c', 'printf %s "$$1" >Dockerfile', 'x', dockerfile] },
      { name: docker, args: ['build', '--tag', image, '.'] },
    ],
    images: [image],
    options: { logging: 'CLOUD_LOGGING_ONLY' },
  };
}

export function urlOf({ emulator }: Cloud, path: string): string {
  return `${emulator.ready.urls.registry}${path}`;
}

export async function submit(cloud: Cloud, build: Fields): Promise<Fields> {
  const reply = await cloud.call('POST', urlOf(cloud, `/v1/projects/${PROJECT}/builds`), build);
  if (reply.status !== 200) throw new Error(JSON.stringify(reply.body));
  return (reply.body['metadata'] as { build: Fields }).build;
}

export async function getBuild(cloud: Cloud, id: unknown): Promise<Fields> {
  const path = `/v1/projects/${PROJECT}/builds/${String(id)}`;
  return (await cloud.call('GET', urlOf(cloud, path))).body;
}

export function untilBuild(cloud: Cloud, id: unknown, status: string): Promise<Fields> {
  return until(`build is ${status}`, async () => {
    const build = await getBuild(cloud, id);
    const isOther = build['finishTime'] !== undefined && build['status'] !== status;
    if (isOther)
      throw new Error(`${JSON.stringify(build)}\n${(await logOf(cloud, id)).join('\n')}`);
    return build['status'] === status ? build : undefined;
  });
}

/** Submits it and waits for that end. */
export async function runBuild(cloud: Cloud, build: Fields, status = 'SUCCESS'): Promise<Fields> {
  return untilBuild(cloud, (await submit(cloud, build))['id'], status);
}

export async function logOf(cloud: Cloud, id: unknown): Promise<string[]> {
  const { body } = await cloud.call('POST', urlOf(cloud, '/v2/entries:list'), {
    resourceNames: [`projects/${PROJECT}`],
    filter: `resource.type="build" resource.labels.build_id="${String(id)}"`,
    pageSize: 1000,
  });
  return ((body['entries'] ?? []) as { textPayload: string }[]).map((entry) => entry.textPayload);
}

export function digestsOf(build: Fields): string[] {
  const results = build['results'] as { images: { digest: string }[] };
  return results.images.map(({ digest }) => digest);
}
