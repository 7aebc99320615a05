// The list of sessions, a page at a time (AIP-158). Called by api.ts.
import { z } from 'zod';
import type { User } from './caller.ts';
import type { listSessionsQuery, listSessionsResponse, SessionView } from './contract.ts';
import { invalidFields } from './errors.ts';
import { parseFilter } from './filter.ts';
import type { Page, SessionStore } from './store/session-store.ts';
import { viewOf } from './view.ts';

const DEFAULT_PAGE_SIZE = 100;
/** Records read at once, and for one page: a filter may pass over many. */
const READ_SIZE = 200;
const MAX_READ = 2000;

const position = z.object({ createdAt: z.number(), uid: z.string() });

/** The caller's sessions; all of them for an administrator. */
export async function listSessions(
  user: User,
  { pageSize = DEFAULT_PAGE_SIZE, pageToken, filter }: z.infer<typeof listSessionsQuery>,
  store: SessionStore,
): Promise<z.infer<typeof listSessionsResponse>> {
  const matches = parseFilter(filter);
  const ownerSubject = user.isAdministrator ? undefined : user.subject;
  const sessions: SessionView[] = [];
  let after = pageToken ? parsePageToken(pageToken) : undefined;
  for (let read = 0; read < MAX_READ; read += READ_SIZE) {
    const found = await store.list({ ownerSubject, after, size: READ_SIZE });
    for (const record of found) {
      const view = viewOf(record);
      if (matches(view)) {
        // The first one that does not fit any more tells that there is a next page.
        if (sessions.length === pageSize) return { sessions, nextPageToken: pageTokenOf(after) };
        sessions.push(view);
      }
      after = record;
    }
    if (found.length < READ_SIZE) return { sessions };
  }
  // AIP-160: a page may be short, even empty, and still have a next one.
  return { sessions, nextPageToken: pageTokenOf(after) };
}

function pageTokenOf(after: Page['after']): string {
  const { createdAt, uid } = position.parse(after);
  return Buffer.from(JSON.stringify({ createdAt, uid })).toString('base64url');
}

function parsePageToken(token: string): NonNullable<Page['after']> {
  try {
    return position.parse(JSON.parse(Buffer.from(token, 'base64url').toString()));
  } catch {
    const description =
      'is not a token that this method has given; leave it out for the first page';
    throw invalidFields([{ field: 'pageToken', description }]);
  }
}
