// A program: a UI server and the relay in front of it, as `datalab-client start` has them, in a process that tests can
// kill. Settings are its argument, as JSON; it prints where it is, as JSON, and ends when its standard input does or, as
// the client, when its UI server has ended. Started by pages.ts.
import { connect } from 'node:net';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { systemClock } from '../../client/clock.ts';
import { folderPrefix } from '../../client/content-folder.ts';
import { findJupyter } from '../../client/jupyter/jupyter-programs.ts';
import { startUiServer } from '../../client/jupyter/ui-server.ts';
import { readEarlierRelays, rememberRelay } from '../../client/session/earlier-relays.ts';
import { startRelay } from '../../client/relay/relay.ts';
import type { PagesReady, PagesSettings } from './pages.ts';

const settings = JSON.parse(process.argv[2] ?? '') as PagesSettings;
const { contentDir, stateDir, wayPort, accessToken, port, token } = settings;

process.stdin.resume().once('end', () => process.exit(0));

const { ui: program } = await findJupyter(process.env);
if (!program) throw new Error('neither JupyterLab nor the classic notebook is installed');
const ui = await startUiServer({
  ...{ program, contentDir, stateDir, environment: process.env, clock: systemClock },
  isRoot: process.getuid?.() === 0,
});
void ui.ended.then(() => process.exit(3));
const relaysFile = path.join(stateDir, 'relays.json');
const earlierTokens = readEarlierRelays(relaysFile, Date.now()).map(({ digest }) => digest);
const relay = await startRelay({
  ...{ port, isPortFixed: port !== 0, token, folder: folderPrefix(contentDir), ui },
  earlierTokens,
  agent: { connect: openStream, accessToken },
  clock: systemClock,
  channelsDir: path.join(stateDir, 'channels'),
  onBug: (error) => {
    console.error('a bug in the relay', error);
  },
});
rememberRelay(relaysFile, relay, Date.now());
const ready: PagesReady = {
  ...{ url: relay.url, origin: relay.origin, port: relay.port },
  ...{ kind: program.kind, uiSocket: ui.socketPath },
};
console.log(JSON.stringify(ready));

function openStream(): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect(wayPort, '127.0.0.1');
    socket.once('connect', () => {
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
