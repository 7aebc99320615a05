// The last line of the log of the image build under way, for the line that shows what is waited for.
import type { Api } from './api.ts';

/** Undefined when there is none, or none could be had: it is only to look at. */
export async function buildLogTail(api: Pick<Api, 'imageLogs'>): Promise<string | undefined> {
  try {
    const { lines } = await api.imageLogs({ limit: 1 });
    return lines.at(-1)?.text;
  } catch {
    return undefined;
  }
}
