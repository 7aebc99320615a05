// The caller's session of a name, for the verbs that change or show one that is there.
import type { SessionView } from '../functions/contract.ts';
import type { Api } from './api.ts';
import { ClientError } from './errors.ts';

/** @throws ClientError when the caller has no session of that name, with the names there are */
export async function findSession(api: Api, name: string): Promise<SessionView> {
  const sessions = await api.listSessions();
  const found = sessions.find((session) => session.name === name && session.want !== 'deleted');
  if (found) return found;
  const names = sessions.filter(({ want }) => want !== 'deleted').map((session) => session.name);
  throw new ClientError(
    `You have no session named ${name}. ` +
      (names.length > 0
        ? `You have: ${names.join(', ')}; choose with --name.`
        : 'Start one with: datalab-client start (the same flags)'),
  );
}
