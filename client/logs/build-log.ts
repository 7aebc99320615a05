// Reads the log of the image's build as it comes. It is the build that counts: a log that cannot be read is said once
// and holds nothing up.
import type { ImageView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api/api.ts';
import { ClientError } from '../errors.ts';
import type { LogLine } from '../output/log-lines.ts';

export interface BuildLog {
  /** What has come since the last time, oldest first; a page may be missing when there is very much of it. */
  read(image: ImageView): Promise<readonly LogLine[]>;
}

const PAGE_LINES = 1000;
/** Before it runs, the log is still that of the build before. */
const RUNNING = ['PENDING', 'QUEUED', 'WORKING'];

/** Logs may be asked for so often in a minute; what was missed comes with the next page. */
const PASSING: readonly ApiError['status'][] = ['RESOURCE_EXHAUSTED', 'UNAVAILABLE'];

export function openBuildLog(
  api: Pick<Api, 'imageLogs'>,
  onTrouble: (message: string) => void,
): BuildLog {
  let buildId: string | undefined;
  let after: string | undefined;
  let isBroken = false;
  return {
    read: async ({ build }) => {
      if (build && RUNNING.includes(build.status)) buildId ??= build.id;
      if (isBroken || buildId === undefined) return [];
      try {
        const page = { limit: PAGE_LINES, ...(after === undefined ? {} : { after }) };
        const { lines, next } = await api.imageLogs(page);
        after = next;
        return lines;
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        if (error instanceof ApiError && PASSING.includes(error.status)) return [];
        isBroken = true;
        onTrouble(`The log of the build cannot be read: ${error.message}`);
        return [];
      }
    },
  };
}
