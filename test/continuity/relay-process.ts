// A relay with its tunnels as a program: world.ts starts, stops and kills it. What it is to be is in its environment, as
// JSON; its first line names its port, the others what a terminal would be told.
import { readFile } from 'node:fs/promises';
import { systemClock } from '../../client/clock.ts';
import { SignInError } from '../../client/identity/credentials.ts';
import { waitForSignIn } from '../../client/identity/sign-in-again.ts';
import { cacheTokens } from '../../client/identity/token-cache.ts';
import { openTunnelAs } from '../../client/identity/tunnel.ts';
import type { RelayOptions } from '../../client/relay/relay.ts';
import { startRelay } from '../../client/relay/relay.ts';
import type { TunnelTarget } from '../../client/tunnel/target.ts';

export interface RelayProcessOptions {
  relay: Pick<
    RelayOptions,
    'port' | 'isPortFixed' | 'token' | 'folder' | 'channelsDir' | 'timings'
  >;
  iapUrl: string;
  target: TunnelTarget;
  /** Holds the access token of whoever is signed in; nobody is, without it. */
  signInFile: string;
  /** The session's, which the agent asks for. */
  sessionToken: string;
  pingMilliseconds: number;
  connectMilliseconds: number;
}

const COMMAND = 'sign-in';

const options = JSON.parse(process.env['RELAY_OPTIONS'] ?? '') as RelayProcessOptions;
const say = (event: object) => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};
const credentials = { ...signIn(options.signInFile), command: COMMAND };
const relay = await startRelay({
  ...options.relay,
  agent: {
    accessToken: options.sessionToken,
    connect: () =>
      openTunnelAs(credentials, {
        url: options.iapUrl,
        target: options.target,
        env: {},
        pingIntervalMilliseconds: options.pingMilliseconds,
        connectTimeoutMilliseconds: options.connectMilliseconds,
      }),
  },
  ui: undefined,
  clock: systemClock,
  onState: (state) => {
    say({ state });
  },
  onBug: (error) => {
    say({ bug: error instanceof Error ? error.stack : String(error) });
  },
});
process.once('SIGTERM', () => {
  void relay.close().then(() => process.exit(0));
});
say({ port: relay.port });

/** Somebody who is signed in as long as the file holds a token that IAP takes. */
function signIn(file: string) {
  let lastToken: string | undefined;
  const fetch = async (_kind: unknown, isRefused: boolean) => {
    const value = await readFile(file, 'utf8').catch(() => undefined);
    if (value === undefined || (isRefused && value === lastToken)) {
      throw new SignInError('The sign-in has ended.', COMMAND);
    }
    lastToken = value;
    return { access: { value, lifetimeSeconds: 3600 } };
  };
  const tokens = cacheTokens({ fetch }, () => performance.now());
  return waitForSignIn(tokens, {
    files: [file],
    interrupt: new AbortController().signal,
    callbacks: {
      onNeeded: (command) => {
        say({ signInNeeded: command });
      },
      onBack: () => {
        say({ signedIn: true });
      },
    },
  });
}
