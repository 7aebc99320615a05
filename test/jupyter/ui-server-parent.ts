// A client that is about to be killed: starts the UI server of its argument's folder, says where, and stays.
import path from 'node:path';
import { findJupyter } from '../../client/jupyter/jupyter-programs.ts';
import { startUiServer } from '../../client/jupyter/ui-server.ts';
import { systemClock } from '../../client/clock.ts';

const folder = process.argv[2] ?? '';
const { ui: program } = await findJupyter(process.env);
if (!program) throw new Error('no UI server is installed');
const server = await startUiServer({
  ...{ program, contentDir: folder, stateDir: path.join(folder, 'state') },
  ...{ environment: process.env, isRoot: process.getuid?.() === 0, clock: systemClock },
});
console.log(JSON.stringify({ socketPath: server.socketPath }));
