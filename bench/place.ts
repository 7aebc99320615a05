// Where the programs under measurement are: the sources, as `npm start` runs them, or the package as it is installed.
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';

export interface Place {
  name: 'sources' | 'built';
  /** The command. */
  client: string;
  /** What the Functions Framework is given. */
  functions: string;
}

const ROOT = path.dirname(import.meta.dirname);
const COMMAND = 'client/datalab-client.js';

/** The second is laid out in `folder` as npm would, around what `npm run build` has made. */
export function placesIn(folder: string): Place[] {
  const installed = path.join(folder, 'installed');
  mkdirSync(path.join(installed, 'client'), { recursive: true });
  for (const file of ['package.json', COMMAND]) {
    cpSync(path.join(ROOT, file), path.join(installed, file));
  }
  symlinkSync(path.join(ROOT, 'dist'), path.join(installed, 'dist'));
  return [
    {
      name: 'sources',
      client: path.join(ROOT, COMMAND),
      functions: path.join(ROOT, 'functions/index.ts'),
    },
    {
      name: 'built',
      client: path.join(installed, COMMAND),
      functions: path.join(installed, 'dist/functions'),
    },
  ];
}
