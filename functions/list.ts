// The list of sessions, a page at a time (AIP-158). Called by api.ts.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { User } from './caller.ts';
import {
  DEFAULT_PAGE_SIZE,
  MAX_PAGE_SIZE,
  type listSessionsQuery,
  type listSessionsResponse,
  type SessionView,
} from './contract.ts';
import { invalidFields } from './errors.ts';
import { parseFilter } from './filter.ts';
import type { Page, SessionStore } from './store/session-store.ts';
import { viewOf } from './view.ts';

/** Records read at once, and for one page: a filter may pass over many. */
const READ_SIZE = 200;
const MAX_READ = 2000;

/** The last session of a page, and what the list was filtered by: a page belongs to its list. */
const position = z.object({ createdAt: z.number(), uid: z.string().max(63), filter: z.string() });

/** The caller's sessions; all of them for an administrator. */
export async function listSessions(
  user: User,
  { pageSize = 0, pageToken, filter = '' }: z.infer<typeof listSessionsQuery>,
  store: SessionStore,
): Promise<z.infer<typeof listSessionsResponse>> {
  const matches = parseFilter(filter);
  const ownerSubject = user.isAdministrator ? undefined : user.subject;
  const size = Math.min(pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize, MAX_PAGE_SIZE);
  const sessions: SessionView[] = [];
  let after = pageToken ? parsePageToken(pageToken, filter) : undefined;
  for (let read = 0; read < MAX_READ; read += READ_SIZE) {
    const found = await store.list({ ownerSubject, after, size: READ_SIZE });
    for (const record of found) {
      const view = viewOf(record);
      if (matches(view)) {
        // The first one that does not fit any more tells that there is a next page.
        if (sessions.length === size)
          return { sessions, nextPageToken: pageTokenOf(after, filter) };
        sessions.push(view);
      }
      after = record;
    }
    if (found.length < READ_SIZE) return { sessions };
  }
  // AIP-160: a page may be short, even empty, and still have a next one.
  return { sessions, nextPageToken: pageTokenOf(after, filter) };
}

function pageTokenOf(after: Page['after'], filter: string): string {
  const { createdAt, uid } = after ?? { createdAt: 0, uid: '' };
  const content: z.infer<typeof position> = { createdAt, uid, filter: digestOf(filter) };
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}

function parsePageToken(token: string, filter: string): NonNullable<Page['after']> {
  const found = position.safeParse(jsonOf(token));
  if (!found.success) {
    throw refused('is not a token that this method has given; leave it out for the first page');
  }
  const { createdAt, uid, filter: digest } = found.data;
  if (digest !== digestOf(filter)) {
    throw refused('is of a list with another filter; leave it out for the first page of this one');
  }
  return { createdAt, uid };
}

function digestOf(filter: string): string {
  return createHash('sha256').update(filter).digest('base64url').slice(0, 12);
}

function jsonOf(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    return undefined;
  }
}

function refused(description: string) {
  return invalidFields([{ field: 'pageToken', description }]);
}
