// The emulated IAP relay alone, for one instance and one account: the middle of the way between relay and agent.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../emulator/clock.ts';
import { createIapServer } from '../../emulator/iap/server.ts';
import type { Tokens } from '../../emulator/oidc/tokens.ts';

export const PROJECT = 'a-project';
export const ZONE = 'europe-west1-b';
export const INSTANCE = 'an-instance';

export interface Iap {
  port: number;
  /** The one access token that is good; another one ends the sign-in that was. */
  accessToken: string;
  /** Drops what leads to the instance, as Google does when it is suspended. */
  dropInstance(): void;
  close(): Promise<void>;
}

export async function startIap(accessToken: string): Promise<Iap> {
  let lost = new AbortController();
  const http = createServer();
  const iap: Iap = {
    port: 0,
    accessToken,
    dropInstance: () => {
      lost.abort();
      lost = new AbortController();
    },
    close: async () => {
      server.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  const server = createIapServer({
    project: PROJECT,
    tokens: tokensOf(iap),
    clock: systemClock,
    log: () => undefined,
    reconnectMilliseconds: 1_000,
    mayTunnel: () => true,
    reach: () => ({ kind: 'running', address: '127.0.0.1', lost: lost.signal }),
  });
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    server.upgrade(request, socket, head);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  iap.port = (http.address() as AddressInfo).port;
  return iap;
}

function tokensOf(iap: Iap): Tokens {
  const notIssued = () => {
    throw new Error('nobody asks for tokens here');
  };
  return {
    issueAccessToken: notIssued,
    issueIdToken: notIssued,
    readAccessToken: (token) => {
      if (token !== iap.accessToken) return undefined;
      const expires = Math.floor(Date.now() / 1000) + 3600;
      return { email: 'ada@example.com', subject: '1', scope: '', expires };
    },
  };
}
