// Where this part's files are, found from this file: it stays at the top of its part, and what `npm run build` makes of
// it is at the top of the built part, which has its scripts and programs in the same places.
import path from 'node:path';

export const EMULATOR = import.meta.dirname;
/** Where the other parts are. */
export const INSTALLATION = path.dirname(EMULATOR);
/** Of programs: `.ts` in the sources, `.js` in what is built. */
export const EXTENSION = path.extname(import.meta.filename);
