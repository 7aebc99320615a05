// The last lines of a build's log, from Cloud Logging: why a build failed, for the people who wait for it. One call
// of its REST API; Google's client for it would load a second copy of gRPC and a hundred files for that.
import { stripVTControlCharacters } from 'node:util';
import type { GoogleAuth } from 'google-auth-library';
import { z } from 'zod';
import type { BuildLog } from '../image-reconcile.ts';
import { callJson } from './rest.ts';

export interface BuildLogConfig {
  readonly projectId: string;
  readonly loggingUrl: string;
  readonly callSeconds: number;
}

const MAX_LINES = 200;
const MAX_CHARACTERS = 500;
/** A page may be empty and still have a next one. */
const MAX_PAGES = 5;

const listReply = z.object({
  entries: z.array(z.object({ textPayload: z.string().optional() })).optional(),
  nextPageToken: z.string().optional(),
});

export function createBuildLog(config: BuildLogConfig, auth: () => Promise<GoogleAuth>): BuildLog {
  return {
    lastLines: async (buildId, count) => {
      const wanted = Math.min(count, MAX_LINES);
      const newestFirst: string[] = [];
      let pageToken: string | undefined;
      for (let page = 0; page < MAX_PAGES && newestFirst.length < wanted; page += 1) {
        const body = queryOf(config.projectId, buildId, wanted, pageToken);
        const url = `${config.loggingUrl}/v2/entries:list`;
        const options = { name: 'Cloud Logging', callSeconds: config.callSeconds, auth };
        const reply = await callJson({ method: 'POST', url, body }, listReply, options);
        for (const { textPayload } of reply.entries ?? []) newestFirst.push(cleaned(textPayload));
        pageToken = reply.nextPageToken;
        if (!pageToken) break;
      }
      return newestFirst.slice(0, wanted).reverse();
    },
  };
}

function queryOf(
  projectId: string,
  buildId: string,
  pageSize: number,
  pageToken: string | undefined,
) {
  const name = `projects/${projectId}`;
  const filter =
    `logName="${name}/logs/cloudbuild" AND resource.type="build" AND ` +
    `resource.labels.build_id="${buildId}"`;
  return { resourceNames: [name], filter, orderBy: 'timestamp desc', pageSize, pageToken };
}

/** Without terminals' control sequences. */
function cleaned(line = ''): string {
  const plain = stripVTControlCharacters(line).replace(/\p{Cc}/gu, ' ');
  return plain.trimEnd().slice(0, MAX_CHARACTERS);
}
