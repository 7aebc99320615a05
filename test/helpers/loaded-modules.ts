// Which modules a program loads: written down as they are, imported or required, by a hook that NODE_OPTIONS puts in.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from './temporary-folder.ts';

const RECORDER = `
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
registerHooks({ load(url, context, next) { appendFileSync(process.env.LOADED_MODULES, url + '\\n'); return next(url, context); } });
`;

export interface LoadedModules {
  /** For the environment of the program; what it starts itself is not to be counted, so it must not hand it on. */
  env: { NODE_OPTIONS: string; LOADED_MODULES: string };
  /** URLs, in the order in which they were loaded. */
  urls(): string[];
}

export function recordModules(t: Pick<TestContext, 'after'>): LoadedModules {
  const file = path.join(temporaryFolder(t), 'modules');
  const recorder = `data:text/javascript,${encodeURIComponent(RECORDER)}`;
  return {
    env: { NODE_OPTIONS: `--import=${recorder}`, LOADED_MODULES: file },
    urls: () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []),
  };
}

/** Those of a package, of a folder of ours, or of Node.js itself (`node:http`). */
export function ofThem(urls: readonly string[], names: readonly string[]): string[] {
  return urls.filter((url) =>
    names.some((name) =>
      name.startsWith('node:')
        ? url === name
        : url.includes(`/node_modules/${name}/`) ||
          (!url.includes('/node_modules/') && url.includes(`/${name}/`)),
    ),
  );
}
