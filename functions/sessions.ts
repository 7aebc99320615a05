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
import { AppError } from './errors.ts';
import { askFor, checkSameSpec, newSession } from './intent.ts';
import { reconcile, type ReconcileDeps } from './reconcile.ts';
import type { SessionRecord } from './record.ts';
import { stateOf } from './session.ts';
import { viewOf } from './view.ts';
import { refreshSession, watchSession } from './watch.ts';

export interface SessionsDeps extends ReconcileDeps {
  createUid: () => string;
}

const MAX_CREATE_ATTEMPTS = 5;

/** Creates it, wakes it up, or answers the one of that name that is there: repeating is safe. */
export async function createSession(
  user: User,
  request: CreateSessionRequest,
  deps: SessionsDeps,
): Promise<SessionView> {
  for (let attempt = 0; attempt < MAX_CREATE_ATTEMPTS; attempt += 1) {
    const { store, clock, config } = deps;
    const fresh = newSession(deps.createUid(), ownerOf(user), request, clock.now(), config);
    const found =
      (await store.findByName(user.subject, request.name)) ?? (await store.create(fresh));
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

export async function changeWant(
  user: User,
  id: string,
  want: Want,
  deps: SessionsDeps,
): Promise<SessionView> {
  checkVisible(await deps.store.get(id), user, id);
  const asked = await changeSession(id, (record, now) => askFor(record, want, now), deps);
  if (!asked) throw noSession(id);
  // Gone already: the caller still learns what became of it.
  return viewOf((await reconcile(id, deps)) ?? asked);
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
