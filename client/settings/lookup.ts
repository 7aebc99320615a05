// Whether project and zone exist, asked of Compute Engine before anything is made there. Who may not ask it, or cannot
// reach it, gets no verdict: the backend checks too.
import { request } from 'undici';
import { z } from 'zod';
import { ClientError } from '../errors.ts';
import type { Credentials } from '../identity/credentials.ts';
import type { Io } from '../io.ts';
import { dispatcherFor } from '../proxy/dispatcher.ts';
import { nearest } from './nearest.ts';
import type { Settings } from './settings.ts';

const PATIENCE_MILLISECONDS = 10_000;
const NEAREST_COUNT = 3;

const notFoundBody = z.object({ error: z.object({ code: z.literal(404) }) });
const zoneList = z.object({ items: z.array(z.object({ name: z.string() })) });

/** Of a project: its zones, that it is not there (or not for this caller), or no verdict. */
export type Zones = { names: string[] } | 'no project' | undefined;

type Place = Pick<Settings, 'project' | 'zone' | 'computeUrl' | 'session' | 'origins'>;

/** The environment names the proxy, if there is one. */
type Line = Pick<Io, 'env' | 'interrupt'>;

/** @throws ClientError when project or zone do not exist; whatever the credentials throw */
export async function checkPlace(
  settings: Place,
  credentials: Credentials,
  line: Line,
): Promise<void> {
  const { project, zone } = settings;
  if (project === undefined || zone === undefined || isOfAnotherBackend(settings)) return;
  const token = await credentials.accessToken();
  const base = `${settings.computeUrl}/compute/v1/projects/${project}`;
  const zones = [...new Set([zone, ...(settings.session.fallbackZones ?? [])])];
  const look = (at: string) => get(`${base}${at}`, token, line);
  const [projectFound, ...found] = await Promise.all(
    ['', ...zones.map((name) => `/zones/${name}`)].map(look),
  );
  if (projectFound === 'not there') throw noProject(settings, project);
  const missing = zones.find((_, index) => found[index] === 'not there');
  if (missing !== undefined)
    throw noZone(missing, project, await zonesOf(settings, project, token, line));
}

export async function zonesOf(
  { computeUrl }: Pick<Settings, 'computeUrl'>,
  project: string,
  token: string,
  line: Line,
): Promise<Zones> {
  const answer = await get(`${computeUrl}/compute/v1/projects/${project}/zones`, token, line);
  if (answer === 'not there') return 'no project';
  const list = zoneList.safeParse(answer?.body);
  return list.success ? { names: list.data.items.map(({ name }) => name).sort() } : undefined;
}

export function noSuchProject(project: string): string {
  return `Project ${project} does not exist, or you may not see it.`;
}

export function noSuchZone(zone: string, project: string, zones: Zones): string {
  const known = typeof zones === 'object' ? nearest(zone, zones.names, NEAREST_COUNT) : [];
  const near = known.length === 0 ? '' : ` Near it: ${known.join(', ')}.`;
  return `There is no zone ${zone} for project ${project}.${near}`;
}

/** gcloud's project says nothing of a backend that is named by its URL. */
function isOfAnotherBackend({ origins }: Place): boolean {
  return origins.apiUrl?.kind !== 'derived' && origins.project?.kind === 'gcloud';
}

/** Undefined: no verdict. */
async function get(
  url: string,
  token: string,
  { env, interrupt }: Line,
): Promise<{ body: unknown } | 'not there' | undefined> {
  try {
    const dispatcher = dispatcherFor(env);
    const reply = await request(url, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.any([interrupt, AbortSignal.timeout(PATIENCE_MILLISECONDS)]),
      ...(dispatcher ? { dispatcher } : {}),
    });
    const body: unknown = JSON.parse(await reply.body.text());
    if (reply.statusCode === 200) return { body };
    // Google's own words, and not those of something in between.
    return reply.statusCode === 404 && notFoundBody.safeParse(body).success
      ? 'not there'
      : undefined;
  } catch {
    interrupt.throwIfAborted();
    return undefined;
  }
}

function noProject({ origins }: Place, project: string): ClientError {
  return new ClientError(
    `${noSuchProject(project)} It comes from ${origins.project?.detail ?? ''}. ` +
      'See which there are with: gcloud projects list',
  );
}

function noZone(zone: string, project: string, zones: Zones): ClientError {
  return new ClientError(
    `${noSuchZone(zone, project, zones)} ` +
      `See all of them with: gcloud compute zones list --project ${project}`,
  );
}
