// Who runs the client: as whom what it runs in containers has to write files.
import { userInfo } from 'node:os';
import type { Person } from './engine-info.ts';

export function whoRunsThis(): Person {
  const groups = process.getgroups?.() ?? [];
  return { uid: process.getuid?.(), gid: process.getgid?.(), groups };
}

/** Their name on this machine; some user ids have none. */
export function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'user');
  }
}
