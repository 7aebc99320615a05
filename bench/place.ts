// Where the programs under measurement are: the sources, as `npm start` runs them, or what `npm run build` made of them.
import path from 'node:path';

export interface Place {
  name: 'sources' | 'built';
  root: string;
  extension: '.ts' | '.js';
}

const ROOT = path.dirname(import.meta.dirname);

export const PLACES: readonly Place[] = [
  { name: 'sources', root: ROOT, extension: '.ts' },
  { name: 'built', root: path.join(ROOT, 'dist'), extension: '.js' },
];
