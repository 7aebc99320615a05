// Asks the API for the session that the settings describe. One that is there already was made as it is: what differs is
// an error if somebody has just asked for it, and left out if it is only a default of this machine.
import type { CreateSessionRequest, SessionView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api/api.ts';
import { ClientError } from '../errors.ts';
import type { SettingName } from '../flags.ts';
import { isGivenNow, type Settings } from '../settings/settings.ts';

type Spec = Settings['session'];

/** Which setting each field of the request comes from. */
const SETTING_OF: Record<keyof Spec, SettingName> = {
  zone: 'zone',
  fallbackZones: 'fallbackZones',
  machineType: 'machineType',
  spot: 'spot',
  diskSizeGb: 'diskSizeGb',
  image: 'image',
  serviceAccount: 'serviceAccount',
  idleTimeoutSeconds: 'idleTimeout',
  idleAction: 'idleAction',
  maxLifetimeSeconds: 'maxLifetime',
  labels: 'labels',
};

/** @throws ClientError when it exists and is not what was asked for now */
export async function askForSession(
  api: Pick<Api, 'createSession'>,
  settings: Pick<Settings, 'name' | 'session' | 'origins'>,
): Promise<SessionView> {
  const { name, session } = settings;
  try {
    return await api.createSession({ ...session, name });
  } catch (error) {
    if (!isOfAnotherSpec(error)) throw error;
    const asked = askedForNow(settings);
    if (Object.keys(asked).length === Object.keys(session).length) throw refused(error, settings);
    return await askAgain(api, { ...asked, name }, settings);
  }
}

async function askAgain(
  api: Pick<Api, 'createSession'>,
  request: Partial<CreateSessionRequest>,
  settings: Pick<Settings, 'name' | 'session' | 'origins'>,
): Promise<SessionView> {
  try {
    return await api.createSession(request);
  } catch (error) {
    throw isOfAnotherSpec(error) ? refused(error, settings) : error;
  }
}

/** Of flags and environment: the configuration file and gcloud's say what new sessions are like. */
function askedForNow(settings: Pick<Settings, 'session' | 'origins'>): Spec {
  const kept = fieldsOf(settings.session).filter((field) => isGivenNow(settings, field));
  return Object.fromEntries(kept.map((field) => [field, settings.session[field]]));
}

function fieldsOf(session: Spec): (keyof Spec)[] {
  return Object.keys(session) as (keyof Spec)[];
}

function isOfAnotherSpec(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 'ALREADY_EXISTS';
}

function refused(
  error: ApiError,
  settings: Pick<Settings, 'name' | 'session' | 'origins'>,
): ClientError {
  const { name, session, origins } = settings;
  const given = fieldsOf(session)
    .filter((field) => isGivenNow(settings, field) && error.message.includes(field))
    .map((field) => `${field} by ${origins[SETTING_OF[field]]?.detail ?? field}`);
  const deletion = `datalab-client delete${name === 'default' ? '' : ` --name ${name}`}`;
  return new ClientError(
    [
      error.message,
      ...(given.length > 0 ? [`Asked for: ${given.join(', ')}.`] : []),
      `For another one beside it give --name; to make this one anew: ${deletion}`,
    ].join('\n'),
    { cause: error },
  );
}
