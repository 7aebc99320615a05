// Where the client's files are, found from this file: it stays at the top of its part, and what `npm run build` makes of
// it is at the top of the built part, which has its scripts in the same places.
import path from 'node:path';

export const CLIENT = import.meta.dirname;
/** What the image of the notebook pages is built of: beside the sources, and beside the built part. */
export const UI_IMAGE_SOURCE = path.resolve(CLIENT, '../docker/datalab');
export const GATEWAY_IMAGE_SOURCE = path.resolve(CLIENT, '../docker/gateway');
const IS_BUILT = path.extname(import.meta.filename) !== '.ts';
/** What the agent image is built of; in the sources, the program that makes it. */
export const AGENT_IMAGE_SOURCE: string | { program: string } = IS_BUILT
  ? path.resolve(CLIENT, '../agent')
  : { program: path.resolve(CLIENT, '../scripts/agent-context.ts') };
/** What a shell calls: beside the sources, and in the package beside dist/. */
export const PROGRAM = path.join(
  IS_BUILT ? path.resolve(CLIENT, '../../client') : CLIENT,
  'datalab-client.js',
);
