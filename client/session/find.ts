// The session that a verb is about, by name: the caller's own, or with --owner somebody else's, which an administrator
// sees in the same list.
import type { SessionView } from '../../functions/contract.ts';
import type { Backend } from '../backend.ts';
import { ClientError } from '../errors.ts';
import type { Flags } from '../flags.ts';

/** @throws ClientError when there is none of that name, with the names there are */
export async function findSession(
  { api, credentials, settings: { name } }: Pick<Backend, 'api' | 'credentials' | 'settings'>,
  { owner }: Pick<Flags, 'owner'> = {},
): Promise<SessionView> {
  const all = await api.listSessions();
  const isTheirs = await belongsTo(owner, all, credentials);
  const sessions = all.filter(isTheirs);
  const named = sessions.filter((session) => session.name === name);
  // One that is being deleted, and a new one of the same name beside it.
  const found = named.find(({ want }) => want !== 'deleted') ?? named[0];
  if (found) return found;
  const others = all.filter((session) => session.name === name);
  throw new ClientError(notFound(name, owner, sessions, others));
}

async function belongsTo(
  owner: string | undefined,
  sessions: readonly SessionView[],
  credentials: Backend['credentials'],
): Promise<(session: SessionView) => boolean> {
  const owners = new Set(sessions.map((session) => session.owner.email.toLowerCase()));
  const wanted = owner ?? (owners.size > 0 ? emailOf(await credentials.idToken()) : undefined);
  if (wanted !== undefined) return (session) => isSame(session.owner.email, wanted);
  if (owners.size > 1) {
    const emails = [...owners].join(', ');
    throw new ClientError(
      `Your token does not say which of these you are; give --owner: ${emails}`,
    );
  }
  return () => true;
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** Of the token that the API has just taken. */
function emailOf(idToken: string): string | undefined {
  try {
    const text = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString();
    const { email } = JSON.parse(text) as { email?: unknown };
    return typeof email === 'string' ? email : undefined;
  } catch {
    return undefined;
  }
}

function notFound(
  name: string,
  owner: string | undefined,
  sessions: readonly SessionView[],
  others: readonly SessionView[],
): string {
  const names = sessions.map((session) => session.name).join(', ');
  if (owner !== undefined) {
    const rest = names === '' ? 'nor any other that you see' : `they have: ${names}`;
    return `${owner} has no session named ${name}; ${rest}.`;
  }
  const [other] = others;
  return [
    `You have no session named ${name}.`,
    ...(names === '' ? [] : [`You have: ${names}; choose with --name.`]),
    ...(other ? [`${other.owner.email} has one: choose it with --owner.`] : []),
    ...(names === '' && !other ? ['Start one with: datalab-client start (the same flags)'] : []),
  ].join(' ');
}
