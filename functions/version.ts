// The backend's version, for `/health`: clients of another may not fit. The file is small and is loaded by import, so that
// whatever makes a bundle of the functions takes it along.
import release from '../package.json' with { type: 'json' };

export const VERSION = release.version;
