// The list of sessions, a page at a time (AIP-158). Called by api.ts.
import { z } from 'zod';
import type { User } from './caller.ts';
import type { listSessionsQuery, listSessionsResponse } from './contract.ts';
import { invalidFields } from './errors.ts';
import type { Page, SessionStore } from './store/session-store.ts';
import { viewOf } from './view.ts';

const DEFAULT_PAGE_SIZE = 100;

const position = z.object({ createdAt: z.number(), uid: z.string() });

/** The caller's sessions; all of them for an administrator. */
export async function listSessions(
  user: User,
  { pageSize = DEFAULT_PAGE_SIZE, pageToken }: z.infer<typeof listSessionsQuery>,
  store: SessionStore,
): Promise<z.infer<typeof listSessionsResponse>> {
  const found = await store.list({
    ownerSubject: user.isAdministrator ? undefined : user.subject,
    after: pageToken ? parsePageToken(pageToken) : undefined,
    // One more tells whether there is a next page.
    size: pageSize + 1,
  });
  const page = found.slice(0, pageSize);
  const last = page.at(-1);
  const hasNext = found.length > pageSize && last !== undefined;
  return {
    sessions: page.map(viewOf),
    ...(hasNext ? { nextPageToken: pageTokenOf(last) } : {}),
  };
}

function pageTokenOf({ createdAt, uid }: z.infer<typeof position>): string {
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
