// The emulated Google sign-in's memory: signing key, the key of opaque access tokens, users. 0600, in the
// state folder, so that tokens and credential files outlive a restart.
import {
  createPublicKey,
  generateKeyPairSync,
  createPrivateKey,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { openStateFile, writeAtomically, type StateFile } from '../state.ts';
import {
  createServiceAccount,
  serviceAccount,
  type ServiceAccountKey,
} from './service-account-keys.ts';

/** How long Google's tokens live. */
export const TOKEN_SECONDS = 3600;

/** The client id of Application Default Credentials, which user credential files carry. */
export const CLIENT_ID = '764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com';

const user = z.object({
  email: z.string(),
  subject: z.string(),
  refreshToken: z.string(),
  /** The refresh token is good for nothing any more. */
  isRevoked: z.literal(true).optional(),
});
export type User = z.infer<typeof user>;

const oidcRecord = z.object({
  keyId: z.string(),
  privateKey: z.string(),
  accessTokenKey: z.string(),
  clientSecret: z.string(),
  users: z.array(user),
  serviceAccounts: z.array(serviceAccount).default([]),
  /** Lifetime of what /token issues; asked for at the control API. */
  tokenSeconds: z.int().default(TOKEN_SECONDS),
});
type OidcRecord = z.infer<typeof oidcRecord>;

export interface OidcState {
  readonly keyId: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly accessTokenKey: Buffer;
  readonly clientSecret: string;
  findUser(email: string): User | undefined;
  /** Undefined for a token that was revoked, too. */
  findByRefreshToken(token: string): User | undefined;
  /** The user of that e-mail, made if there is none. */
  ensureUser(email: string): User;
  /** The same, with a refresh token that is good: a new one when the old one was revoked. */
  signIn(email: string): User;
  /** Undefined when there is no such user. */
  revoke(email: string): User | undefined;
  tokenSeconds: number;
  findServiceAccount(email: string): ServiceAccountKey | undefined;
  /** A user, or a service account with a key. */
  isKnown(email: string): boolean;
  ensureServiceAccount(email: string): ServiceAccountKey;
}

export function openOidcState(stateDir: string): OidcState {
  const file = openStateFile(path.join(stateDir, 'oidc.json'), oidcRecord, createRecord);
  const { value } = file;
  const privateKey = createPrivateKey(value.privateKey);
  const findUser = (email: string) =>
    value.users.find((user) => user.email.toLowerCase() === email.toLowerCase());
  const ensureUser = (email: string) => findUser(email) ?? addUser(file, email);
  const findServiceAccount = (email: string) =>
    value.serviceAccounts.find((account) => account.email === email);
  return {
    keyId: value.keyId,
    privateKey,
    publicKey: createPublicKey(privateKey),
    accessTokenKey: Buffer.from(value.accessTokenKey, 'base64url'),
    clientSecret: value.clientSecret,
    findUser,
    findByRefreshToken: (token) =>
      value.users.find((user) => user.refreshToken === token && !user.isRevoked),
    ensureUser,
    signIn: (email) => {
      const user = ensureUser(email);
      if (user.isRevoked) renew(file, user);
      return user;
    },
    revoke: (email) => {
      const user = findUser(email);
      if (user) revoke(file, user);
      return user;
    },
    get tokenSeconds() {
      return value.tokenSeconds;
    },
    set tokenSeconds(seconds) {
      value.tokenSeconds = seconds;
      file.save();
    },
    findServiceAccount,
    isKnown: (email) => (findUser(email) ?? findServiceAccount(email)) !== undefined,
    ensureServiceAccount: (email) => findServiceAccount(email) ?? addServiceAccount(file, email),
  };
}

/** Writes what google-auth-library takes for a user's credentials, and what the client reads. */
export function writeCredentialFile(
  file: string,
  user: User,
  { clientSecret, tokenUri }: { clientSecret: string; tokenUri: string },
): void {
  const credential = {
    type: 'authorized_user',
    client_id: CLIENT_ID,
    client_secret: clientSecret,
    refresh_token: user.refreshToken,
    token_uri: tokenUri,
    account: user.email,
  };
  writeAtomically(file, `${JSON.stringify(credential, null, 2)}\n`);
}

function createRecord(): OidcRecord {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    keyId: randomBytes(20).toString('hex'),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    accessTokenKey: randomBytes(32).toString('base64url'),
    clientSecret: `emulated-${randomBytes(12).toString('base64url')}`,
    users: [],
    serviceAccounts: [],
    tokenSeconds: TOKEN_SECONDS,
  };
}

function addUser(file: StateFile<OidcRecord>, email: string): User {
  const digits = String(randomBytes(8).readBigUInt64BE()).padStart(20, '0');
  const user: User = {
    email,
    subject: `1${digits.slice(-20)}`,
    refreshToken: newRefreshToken(),
  };
  file.value.users.push(user);
  file.save();
  return user;
}

function revoke(file: StateFile<OidcRecord>, user: User): void {
  user.isRevoked = true;
  file.save();
}

function renew(file: StateFile<OidcRecord>, user: User): void {
  user.refreshToken = newRefreshToken();
  delete user.isRevoked;
  file.save();
}

function newRefreshToken(): string {
  return `1//${randomBytes(32).toString('base64url')}`;
}

function addServiceAccount(file: StateFile<OidcRecord>, email: string): ServiceAccountKey {
  const account = createServiceAccount(email);
  file.value.serviceAccounts.push(account);
  file.save();
  return account;
}
