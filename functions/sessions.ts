// What users do with sessions: each call records the intent and lets `reconcile` make the world follow. Called by api.ts.
import { accessTokenOf } from './access-token.ts';
import { checkVisible, isOwner, noSession, type User } from './caller.ts';
import { changeSession } from './change.ts';
import {
  AGENT_PORT,
  type ConnectResponse,
  type CreateSessionRequest,
  type SessionView,
  type Want,
} from './contract.ts';
import { AppError, invalidFields } from './errors.ts';
import type { Catalog } from './google/catalog.ts';
import { askFor, checkSameSpec, extend, newSession } from './intent.ts';
import { violationsOf } from './policy.ts';
import { reconcile } from './reconcile.ts';
import type { SessionRecord } from './record.ts';
import { stateOf, zonesOf } from './session.ts';
import { etagOf, viewOf } from './view.ts';
import { refreshSession, watchSession, type WatchDeps } from './watch.ts';

export interface SessionsDeps extends WatchDeps {
  catalog: Catalog;
  createUid: () => string;
}

const MAX_CREATE_ATTEMPTS = 5;

/** Creates it, wakes it up, or answers the one of that name that is there: repeating is safe. */
export async function createSession(
  user: User,
  request: CreateSessionRequest,
  deps: SessionsDeps,
): Promise<SessionView> {
  const { store, clock, config } = deps;
  const forbidden = violationsOf(request, config.policy);
  if (forbidden.length > 0) throw invalidFields(forbidden);
  for (let attempt = 0; attempt < MAX_CREATE_ATTEMPTS; attempt += 1) {
    const fresh = newSession(deps.createUid(), ownerOf(user), request, clock.now(), config);
    const existing = await store.findByName(user.subject, request.name);
    if (!existing) await checkExists(fresh, deps.catalog);
    if (request.validateOnly === true) return validated(existing ?? fresh, request);
    const found = existing ?? (await store.create(fresh));
    if (found.uid !== fresh.uid) checkSameSpec(found, request);
    const asked = found.uid === fresh.uid ? found : await wake(found.uid, deps);
    // Deleted between finding and waking it: then its name is free.
    if (!asked) continue;
    return viewOf((await reconcile(asked.uid, deps)) ?? asked);
  }
  throw new AppError(
    'ABORTED',
    `Session ${request.name} is being deleted all the time; try again.`,
    {
      isRetryable: true,
    },
  );
}

/** @param etag of `If-Match`: the change is made to the session as the caller has seen it, or not at all */
export async function changeWant(
  user: User,
  id: string,
  want: Want,
  etag: string | undefined,
  deps: SessionsDeps,
): Promise<SessionView> {
  const record = await deps.store.get(id);
  if (!record && want === 'deleted') return await deletedAlready(user, id, deps);
  return await change(user, id, etag, (current, now) => askFor(current, want, now), deps);
}

export async function extendSession(
  user: User,
  id: string,
  seconds: number,
  etag: string | undefined,
  deps: SessionsDeps,
): Promise<SessionView> {
  const { maxLifetimeSeconds } = deps.config.policy;
  if (maxLifetimeSeconds !== undefined && seconds > maxLifetimeSeconds) {
    const description = `must be at most ${maxLifetimeSeconds}: the administrator's policy says so`;
    throw invalidFields([{ field: 'seconds', description }]);
  }
  return await change(user, id, etag, (current, now) => extend(current, seconds, now), deps);
}

async function change(
  user: User,
  id: string,
  etag: string | undefined,
  intent: (record: SessionRecord, now: number) => SessionRecord,
  deps: SessionsDeps,
): Promise<SessionView> {
  checkVisible(await deps.store.get(id), user, id);
  const checked = (record: SessionRecord, now: number) => {
    checkEtag(record, etag);
    return intent(record, now);
  };
  const asked = await changeSession(id, checked, deps);
  if (!asked) throw noSession(id);
  // Gone already: the caller still learns what became of it.
  return viewOf((await reconcile(id, deps)) ?? asked);
}

/** A DELETE whose answer was lost is repeated, maybe after the session has gone. */
async function deletedAlready(user: User, id: string, deps: SessionsDeps): Promise<SessionView> {
  const tombstone = await deps.store.findTombstone(id, deps.clock.now());
  return viewOf(checkVisible(tombstone?.record, user, id));
}

/** AIP-154: one etag or several, with the quotes of RFC 7232 or without them; `*` is any. */
function checkEtag(record: SessionRecord, etag: string | undefined): void {
  if (etag === undefined) return;
  const present = etagOf(record);
  const given = etag.split(',').map((one) => one.trim());
  if (given.some((one) => one === '*' || one === present || `"${one}"` === present)) return;
  throw new AppError(
    'ABORTED',
    `Session ${record.name} has changed since: its etag is ${present} now. Get it again, then decide anew.`,
  );
}

export async function getSession(
  user: User,
  id: string,
  wait: { afterRevision?: number | undefined; waitSeconds?: number | undefined },
  signal: AbortSignal,
  deps: SessionsDeps,
): Promise<SessionView> {
  const record = checkVisible(await deps.store.get(id), user, id);
  const { afterRevision, waitSeconds = 0 } = wait;
  if (afterRevision !== undefined && record.revision > afterRevision) return viewOf(record);
  const newer =
    afterRevision === undefined
      ? await refreshSession(id, deps)
      : await watchSession(id, { afterRevision, waitSeconds, signal }, deps);
  return viewOf(checkVisible(newer, user, id));
}

/** The owner's alone: administrators may look, not get in. */
export async function connectSession(
  user: User,
  id: string,
  deps: SessionsDeps,
): Promise<ConnectResponse> {
  const visible = checkVisible(await deps.store.get(id), user, id);
  if (!isOwner(visible, user)) {
    throw new AppError('PERMISSION_DENIED', 'Only its owner may connect to a session.');
  }
  const record = checkVisible(await refreshSession(id, deps), user, id);
  const { instance } = record;
  if (stateOf(record) !== 'READY' || !instance) throw notReady(record);
  return {
    accessToken: accessTokenOf(record, deps.config.tokenKeys),
    tunnel: {
      project: deps.config.projectId,
      zone: instance.zone,
      instance: instance.name,
      networkInterface: 'nic0',
      port: AGENT_PORT,
    },
  };
}

/** Of an existing session it says whether the request suits it. */
function validated(record: SessionRecord, request: CreateSessionRequest): SessionView {
  checkSameSpec(record, request);
  return viewOf(record);
}

async function checkExists({ spec }: SessionRecord, catalog: Catalog): Promise<void> {
  const zones = zonesOf(spec);
  const found = await Promise.all(zones.map((zone) => catalog.findMissing(zone, spec.machineType)));
  const violations = found.flatMap((missing, index) => {
    const zone = zones[index] ?? '';
    if (missing === 'zone') {
      const field = index === 0 ? 'zone' : `fallbackZones[${index - 1}]`;
      return [{ field, description: `there is no zone ${zone}` }];
    }
    if (missing !== 'machineType') return [];
    return [
      { field: 'machineType', description: `there is no ${spec.machineType} in zone ${zone}` },
    ];
  });
  if (violations.length > 0) throw invalidFields(violations);
}

/** A session that is being deleted is left alone: its name points elsewhere, or will. */
async function wake(uid: string, deps: SessionsDeps): Promise<SessionRecord | undefined> {
  const change = (record: SessionRecord, now: number) =>
    record.want === 'deleted' ? record : askFor(record, 'running', now);
  const asked = await changeSession(uid, change, deps);
  return asked?.want === 'deleted' ? undefined : asked;
}

function ownerOf({ subject, email }: User) {
  return { subject, email };
}

function notReady(record: SessionRecord): AppError {
  const state = stateOf(record);
  const next =
    record.want === 'running' && state !== 'FAILED'
      ? 'Wait until it is READY.'
      : 'Start it, and wait until it is READY.';
  const reason = record.failure ? ` (${record.failure.message})` : '';
  return new AppError(
    'FAILED_PRECONDITION',
    `Session ${record.name} is ${state}${reason}. ${next}`,
  );
}
