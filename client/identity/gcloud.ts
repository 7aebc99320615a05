// Being whom gcloud knows: its print-identity-token and print-access-token, one at a time (they share a database that one
// of them locks), and only when a token is needed, since each takes about a second. gcloud-program.ts runs them.
import path from 'node:path';
import { ClientError } from '../errors.ts';
import { LOGIN, SignInError, type SignIn, type Tokens } from './credentials.ts';
import { GcloudFailure, runGcloud, type GcloudSurroundings } from './gcloud-program.ts';
import { lifetimeOf } from './token-endpoint.ts';

export interface GcloudOptions extends GcloudSurroundings {
  account: string;
  /** The audience of a service account's ID tokens. */
  apiUrl: string;
  /** gcloud's folder. */
  gcloudDir: string;
}

/** gcloud does not say how long an access token lives; it gives none that lives shorter (its store.py). */
const ACCESS_SECONDS = 300;

export function signInOfGcloud(options: GcloudOptions): SignIn {
  const { account, apiUrl, gcloudDir } = options;
  const isPerson = !account.toLowerCase().endsWith('.gserviceaccount.com');
  const command = isPerson
    ? `${LOGIN} ${account}`
    : `gcloud auth activate-service-account ${account} --key-file=FILE`;
  const print = async (what: string, more: readonly string[] = []) => {
    const args = ['auth', what, account, ...more];
    try {
      return await runGcloud(args, options);
    } catch (error) {
      throw explain(error, account, command, args);
    }
  };
  const printId = async (): Promise<Tokens> => {
    // People's ID tokens are for gcloud, whatever they are asked for; gcloud refuses the flag then.
    const value = await print('print-identity-token', isPerson ? [] : [`--audiences=${apiUrl}`]);
    return { id: { value, lifetimeSeconds: lifetimeOf(value) } };
  };
  const printAccess = async (): Promise<Tokens> => {
    const value = await print('print-access-token');
    return { access: { value, lifetimeSeconds: ACCESS_SECONDS } };
  };
  return {
    command,
    files: [path.join(gcloudDir, 'credentials.db')],
    fetch: async (kind, isRefused) => {
      if (kind === 'id') return await printId();
      // gcloud keeps access tokens, refused ones too, until an ID token is asked for: that always gets new ones.
      const renewed = isRefused ? await printId() : {};
      return { ...renewed, ...(await printAccess()) };
    },
  };
}

/** What gcloud says when only signing in again helps. */
const SIGN_IN_ENDED =
  /invalid_grant|invalid_rapt|reauth|active account selected|not have any valid credentials/i;
/** An assertion from a machine whose clock is wrong. */
const CLOCK_IS_WRONG = /Invalid JWT.*reasonable timeframe/i;

function explain(
  error: unknown,
  account: string,
  command: string,
  args: readonly string[],
): unknown {
  if (!(error instanceof GcloudFailure)) return error;
  const reason = `gcloud has no token for ${account}: ${error.message}`;
  if (CLOCK_IS_WRONG.test(error.output)) {
    return new ClientError(
      `${reason} Check this machine's clock; set it with: timedatectl set-ntp true`,
    );
  }
  if (SIGN_IN_ENDED.test(error.output)) return new SignInError(reason, command);
  return new ClientError(`${reason} Try it by hand: gcloud ${args.join(' ')}`);
}
