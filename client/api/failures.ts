// Why a call to the API has failed, and what to do next, in words for a person. Loaded when one has failed (call.ts).
import { request } from 'undici';
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import { BAD_REQUEST_TYPE, fieldViolation, healthResponse } from '../../functions/contract.ts';
import { ApiError, ForeignAnswer, UnknownShape } from './answer.ts';
import type { ApiOptions } from './call.ts';
import { ClientError } from '../errors.ts';
import { wordsOfPage } from './html-page.ts';
import { claimsOf } from '../identity/token-endpoint.ts';
import { whyUnreachable } from './network-failures.ts';
import { formatDuration } from '../output/durations.ts';

/** @param token the ID token that was sent: whose it is is named, nothing else of it */
export async function explain(
  error: unknown,
  options: ApiOptions,
  token: string,
): Promise<unknown> {
  if (error instanceof ApiError) return await ofTheApi(error, options);
  if (error instanceof ClientError) return error;
  if (error instanceof UnknownShape) {
    return await otherVersion(`its answer is not as expected (${error.message})`, options);
  }
  if (error instanceof ForeignAnswer) return ofSomethingElse(error, options, token);
  const now = options.place?.now?.() ?? Date.now();
  return new ClientError(
    `The Datalab API at ${named(options)} cannot be reached: ${whyUnreachable(error, now)}. ` +
      'Check the URL, the network and HTTPS_PROXY, then try again.',
  );
}

/** The API's own words stay as they are, where they are about what was asked for. */
async function ofTheApi(error: ApiError, options: ApiOptions): Promise<Error> {
  const { status, message } = error;
  if (status === 'UNAUTHENTICATED') return new RefusedSignIn(error, options);
  const unknown = unknownFields(error);
  if (unknown.length > 0)
    return await otherVersion(`it does not know ${unknown.join(', ')}`, options);
  const isRouteUnknown = /^There is nothing at |has no method /.test(message);
  if (status === 'NOT_FOUND' && isRouteUnknown) {
    return await otherVersion('it does not know what was asked for', options);
  }
  return error;
}

/** As the API says it, with what helps. */
class RefusedSignIn extends ApiError {
  constructor({ status, message, answeredAt }: ApiError, options: ApiOptions) {
    const told = `The Datalab API at ${named(options)} does not accept your sign-in: ${message} ${whatHelps(answeredAt, options)}`;
    super({ code: 401, status, message: told }, answeredAt);
  }
}

const badRequest = z.object({
  '@type': z.literal(BAD_REQUEST_TYPE),
  fieldViolations: z.array(fieldViolation),
});

function unknownFields({ status, details }: ApiError): string[] {
  if (status !== 'INVALID_ARGUMENT') return [];
  return details
    .flatMap((detail) => badRequest.safeParse(detail).data?.fieldViolations ?? [])
    .filter(({ description }) => description === 'is not a field of this request')
    .map(({ field }) => field);
}

async function otherVersion(what: string, options: ApiOptions): Promise<ClientError> {
  const theirs = await versionOf(options);
  const versions =
    theirs === undefined
      ? `it does not say its version, and this client is ${packageJson.version}`
      : `it is of version ${theirs}, this client of ${packageJson.version}`;
  return new ClientError(
    `The Datalab API at ${named(options)} and this client do not fit: ${what}; ${versions}. ` +
      'Use the client of the same version as the backend, or ask for a new backend.',
  );
}

async function versionOf({ url, signal, dispatcher }: ApiOptions): Promise<string | undefined> {
  try {
    const reply = await request(`${url}/health`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]),
      ...(dispatcher ? { dispatcher } : {}),
    });
    return healthResponse.parse(await reply.body.json()).version;
  } catch {
    return undefined;
  }
}

function ofSomethingElse(answer: ForeignAnswer, options: ApiOptions, token: string): ClientError {
  const { status, location, answeredAt } = answer;
  const page = wordsOfPage(answer.text);
  if (location !== undefined) return redirected(status, location, options);
  if (status === 401) {
    return new ClientError(
      `Google's platform in front of the Datalab API at ${named(options)} does not accept your sign-in (HTTP 401). ` +
        whatHelps(answeredAt, options),
    );
  }
  if (status === 403 && page.isOfGoogle) return notInvoker(options, token);
  if (status === 404) {
    return new ClientError(
      `Nothing is deployed at ${named(options)} (HTTP 404). Check region and project, or give the API's own URL ` +
        'with --api-url; your team lead knows it.',
    );
  }
  const what = page.isHtml
    ? `a web page${page.title === '' ? '' : `, “${page.title}”,`}`
    : 'something';
  const cause = page.isHtml
    ? 'A proxy or a network that wants you to log in stands in between: open the URL in a browser, or check HTTPS_PROXY and NO_PROXY.'
    : 'Check the URL, and whether a proxy stands in between.';
  return new ClientError(
    `${named(options)} answered with HTTP ${status} and ${what} that is not the Datalab API's. ${cause}`,
  );
}

/** Only where it leads: the rest of such a URL may be somebody's secret. */
function redirected(status: number, location: string, options: ApiOptions): ClientError {
  const host = URL.canParse(location, options.url)
    ? new URL(location, options.url).host
    : 'elsewhere';
  const cause =
    host === 'accounts.google.com'
      ? 'A login page stands in front of it (Identity-Aware Proxy?), which this program cannot pass; ask for the URL of the function itself and give it with --api-url.'
      : 'A login page or a proxy stands in front of it, or the URL is not quite right; give the right one with --api-url.';
  return new ClientError(`${named(options)} redirects to ${host} (HTTP ${status}). ${cause}`);
}

/** Cloud Run's IAM: the platform lets nobody through who is not an invoker of the function's service. */
function notInvoker(options: ApiOptions, token: string): ClientError {
  const { project, region } = placeOf(options);
  const email = claimsOf(token).email ?? 'YOU';
  const kind = email.toLowerCase().endsWith('.gserviceaccount.com') ? 'serviceAccount' : 'user';
  return new ClientError(
    `${email} may not call the Datalab API at ${named(options)}: the role roles/run.invoker on the function api is missing. ` +
      `Ask whoever administers ${project === undefined ? 'the project' : `project ${project}`} to run:\n` +
      `  gcloud run services add-iam-policy-binding api --member=${kind}:${email} --role=roles/run.invoker ` +
      `--region=${region ?? 'REGION'} --project=${project ?? 'PROJECT'}`,
  );
}

/** As the usual URL says it, https://REGION-PROJECT.cloudfunctions.net/api, where the settings do not. */
function placeOf({ url, place = {} }: ApiOptions): { project?: string; region?: string } {
  const { host } = new URL(url);
  const [, region, project] =
    /^([a-z]+-[a-z]+\d+)-([a-z0-9-]+)\.cloudfunctions\.net$/.exec(host) ?? [];
  const found = { project: place.project ?? project, region: place.region ?? region };
  return {
    ...(found.project === undefined ? {} : { project: found.project }),
    ...(found.region === undefined ? {} : { region: found.region }),
  };
}

const SKEW_MILLISECONDS = 300_000;

function whatHelps(answeredAt: number | undefined, { place = {} }: ApiOptions): string {
  const now = place.now?.();
  const ahead = now === undefined || answeredAt === undefined ? 0 : now - answeredAt;
  if (Math.abs(ahead) > SKEW_MILLISECONDS) {
    const way = ahead > 0 ? 'fast' : 'slow';
    return `This machine's clock is ${formatDuration(Math.abs(ahead) / 1000)} ${way}; set it with: timedatectl set-ntp true`;
  }
  return `Sign in again with: ${place.signInCommand ?? 'gcloud auth login'}`;
}

function named({ url, place }: ApiOptions): string {
  return place?.urlOrigin === undefined ? url : `${url} (from ${place.urlOrigin})`;
}
