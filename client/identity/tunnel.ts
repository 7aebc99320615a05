// Opens tunnels in somebody's name: with their access token, and with another one when IAP refuses it. What `start` and
// `connect` hand to the relay.
import type { Duplex } from 'node:stream';
import { openTunnel, type TunnelOptions } from '../tunnel/connection.ts';
import { TunnelError } from '../tunnel/errors.ts';
import { SignInError } from './credentials.ts';
import type { Identity } from './open.ts';

/** @throws TunnelError; SignInError when a token that was just fetched is refused too */
export async function openTunnelAs(
  identity: Pick<Identity, 'accessToken' | 'forget' | 'command'>,
  options: Omit<TunnelOptions, 'accessToken'>,
): Promise<Duplex> {
  let used: string | undefined;
  const open = () =>
    openTunnel({ ...options, accessToken: async () => (used = await identity.accessToken()) });
  try {
    return await open();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    identity.forget(used);
  }
  try {
    return await open();
  } catch (error) {
    throw isRefusal(error) ? new SignInError(error.message, identity.command) : error;
  }
}

function isRefusal(error: unknown): error is TunnelError {
  return error instanceof TunnelError && error.reason === 'signInAgain';
}
