// Who uses the project's gateway image: sessions by the digest that they have pinned. Part of image-details.ts.
import type { User } from './caller.ts';
import { MAX_IMAGE_SESSIONS, type ImageView } from './contract.ts';
import { parseImageName } from './images.ts';
import type { SessionRecord } from './record.ts';
import { stateOf } from './session.ts';
import type { Page, SessionStore } from './store/session-store.ts';

const READ_SIZE = 200;
const MAX_READ = 2000;

/**
 * As stored, of the caller's sessions; of everybody's for an administrator.
 * @param image the image's name, and with its digest, if it is there
 */
export async function readUsage(
  user: User,
  image: { name: string; pinned: string | undefined },
  store: Pick<SessionStore, 'list'>,
): Promise<NonNullable<ImageView['usedBy']>> {
  const ownerSubject = user.isAdministrator ? undefined : user.subject;
  const usage: NonNullable<ImageView['usedBy']> = {
    sessions: [],
    sessionCount: 0,
    otherSessionCount: 0,
    isTruncated: true,
  };
  let after: Page['after'];
  for (let read = 0; read < MAX_READ; read += READ_SIZE) {
    const found = await store.list({ ownerSubject, after, size: READ_SIZE });
    for (const record of found) count(record, image, usage);
    after = found.at(-1);
    if (found.length < READ_SIZE) return { ...usage, isTruncated: false };
  }
  return usage;
}

function count(
  record: SessionRecord,
  { name, pinned }: { name: string; pinned: string | undefined },
  usage: NonNullable<ImageView['usedBy']>,
): void {
  const { images, want, uid, name: session, owner } = record;
  if (!images || want === 'deleted' || !isOfSame(images.gateway, name)) return;
  if (images.gateway !== pinned) {
    usage.otherSessionCount += 1;
    return;
  }
  usage.sessionCount += 1;
  if (usage.sessions.length === MAX_IMAGE_SESSIONS) return;
  const { email } = owner;
  usage.sessions.push({ id: uid, name: session, owner: { email }, state: stateOf(record) });
}

/** Sessions may have chosen an image of their own. */
function isOfSame(pinned: string, image: string): boolean {
  const [one, other] = [parseImageName(pinned), parseImageName(image)];
  return one.host === other.host && one.repository === other.repository;
}
