// cloudbuild/gateway.yaml: read, checked, and made into what Cloud Build is asked for. cloudbuild.ts submits it,
// scripts/gateway-build.ts writes it. extend-file.ts does the same with cloudbuild/extend.yaml.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { GatewayBuild } from '../gateway-build.ts';
import { parseImageName } from '../images.ts';

const duration = z.string().regex(/^[0-9]{1,5}s$/, 'must be seconds, such as 1200s');
const text = z.string().min(1);

/** The part of Cloud Build's schema that such a file may use. */
export const buildFile = z.strictObject({
  steps: z
    .array(
      z.strictObject({
        id: text.optional(),
        name: text,
        entrypoint: text.optional(),
        dir: text.optional(),
        args: z.array(z.string()).optional(),
        env: z.array(text).optional(),
        timeout: duration.optional(),
      }),
    )
    .min(1),
  images: z.array(text).min(1),
  substitutions: z.strictObject({
    _IMAGE: text,
    _TAG: text,
    _VERSION: text,
    // A team's own file need not have these.
    _BASE_IMAGE: text.optional(),
    _PYPI: text.optional(),
  }),
  tags: z.array(text).default([]),
  timeout: duration.optional(),
  options: z
    .strictObject({
      logging: z.literal('CLOUD_LOGGING_ONLY'),
      dynamicSubstitutions: z.boolean().optional(),
      machineType: z.enum(['UNSPECIFIED', 'E2_MEDIUM', 'E2_HIGHCPU_8', 'E2_HIGHCPU_32']).optional(),
    })
    .optional(),
});
export type BuildFile = z.infer<typeof buildFile>;

export interface BuildRequest {
  /** With its tag; `latest` without one. */
  image: string;
  /** Cloud Build's tag, by which the build is found again. */
  tag: string;
  /** `sourceHash()`: the image's second tag, and its label. */
  version: string;
}

export interface BuildSurroundings {
  readonly projectId: string;
  readonly buildTopic: string;
  readonly buildServiceAccount: string | undefined;
}

/**
 * With what the settings say in the place of its own values.
 * @throws AppError that names the file when it cannot be read, is no build of an image, or leaves no room for a setting.
 */
export function readBuildFile(file: string, settings: GatewayBuild): Promise<BuildFile> {
  return readFileOf(file, 'BUILD_FILE', (content) =>
    withSettings(parseBuildFile(content), settings),
  );
}

/**
 * @param setting with which another file is chosen
 * @throws AppError that names both when it cannot be read or parsed
 */
export async function readFileOf<T>(
  file: string,
  setting: string,
  parseContent: (content: unknown) => T,
): Promise<T> {
  const { parse } = await import('yaml');
  try {
    return parseContent(parse(await readFile(file, 'utf8')));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause);
    throw new AppError(
      'FAILED_PRECONDITION',
      `The build file ${file} cannot be used; set ${setting} in the backend's environment. ${why}`,
      { cause },
    );
  }
}

/** @throws z.ZodError */
export function parseBuildFile(content: unknown): BuildFile {
  return buildFile.parse(content);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function withSettings(file: BuildFile, { baseImage, pypi }: GatewayBuild): BuildFile {
  const settings = [
    ['GATEWAY_BASE_IMAGE', '_BASE_IMAGE', baseImage],
    ['GATEWAY_PYPI', '_PYPI', pypi],
  ] as const;
  const substitutions = { ...file.substitutions };
  for (const [setting, name, value] of settings) {
    if (value === undefined) continue;
    if (substitutions[name] === undefined) {
      throw new Error(`${setting} is set, and the file has no substitution ${name} for it.`);
    }
    substitutions[name] = value;
  }
  return { ...file, substitutions };
}

/** Of everything that decides what is built; the version that the file states is this, so it is left out. */
export function sourceHashOf({ substitutions, ...source }: BuildFile): string {
  const { _IMAGE, _TAG, _BASE_IMAGE, _PYPI } = substitutions;
  const deciding = { _IMAGE, _TAG, _BASE_IMAGE, _PYPI };
  const content = JSON.stringify({ ...source, substitutions: deciding });
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/** What Cloud Build is asked for. */
export function buildResource(
  file: BuildFile,
  request: BuildRequest,
  surroundings: BuildSurroundings,
) {
  const { host, repository, reference } = parseImageName(request.image);
  return {
    ...file,
    substitutions: {
      ...file.substitutions,
      ...{ _IMAGE: `${host}/${repository}`, _TAG: reference, _VERSION: request.version },
    },
    ...placed(file, request.tag, surroundings),
  };
}

/** How a build is found again, who runs it, and where its messages go. */
export function placed(
  { tags, options }: Pick<BuildFile, 'tags' | 'options'>,
  tag: string,
  { projectId, buildTopic, buildServiceAccount }: BuildSurroundings,
) {
  const account = `projects/${projectId}/serviceAccounts/${buildServiceAccount ?? ''}`;
  return {
    tags: [...tags, tag],
    options: { ...options, pubsubTopic: buildTopic },
    ...(buildServiceAccount === undefined ? {} : { serviceAccount: account }),
  };
}
