// The last line of the log of the gateway image's build, for whoever waits for that build.
import type { Api } from '../api/api.ts';
import { ClientError } from '../errors.ts';

/**
 * One call, which counts against the project's 60 reads of logs a minute: not more often than every five seconds.
 * @returns undefined when there is no line yet, and when the API cannot say: a backend of an earlier release, an outage,
 * Ctrl-C. Nobody's build fails for want of its log.
 */
export async function buildLogTail(api: Pick<Api, 'imageLogs'>): Promise<string | undefined> {
  try {
    const { lines } = await api.imageLogs({ limit: 1 });
    const text = lines.at(-1)?.text;
    return text === '' ? undefined : text;
  } catch (error) {
    if (error instanceof ClientError || isAbort(error)) return undefined;
    throw error;
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
