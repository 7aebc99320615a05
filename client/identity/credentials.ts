// What an identity is to the rest of the client: tokens when they are needed, and what to run when it needs to be given
// again. token-cache.ts keeps the tokens, a sign-in (gcloud.ts, user-file.ts, ...) gets them.
import { ClientError } from '../errors.ts';

export interface Credentials {
  /** For Google's own APIs (IAP). @throws ClientError; SignInError when signing in again is what helps */
  accessToken(): Promise<string>;
  /** For our API: who the caller is. @throws as accessToken */
  idToken(): Promise<string>;
  /** The tokens at hand were refused (or this one of them): the next ones are fetched. */
  forget(refused?: string): void;
}

export type TokenKind = 'access' | 'id';

export interface Token {
  value: string;
  lifetimeSeconds: number;
}

export type Tokens = Partial<Record<TokenKind, Token>>;

/** One way of being somebody. */
export interface SignIn {
  /** What is run when it has expired or was revoked. */
  command: string;
  /** Files that change when it is given again. */
  files: readonly string[];
  /**
   * Gets this token, and others that come with it.
   * @param isRefused the one that it gave last was refused: what others have kept is no good either
   * @throws ClientError
   */
  fetch(kind: TokenKind, isRefused: boolean): Promise<Tokens>;
}

/** Signing in again is what helps. */
export class SignInError extends ClientError {
  override readonly name = 'SignInError';
  /** Without the command. */
  readonly reason: string;
  readonly command: string;

  constructor(reason: string, command: string) {
    super(`${reason} Sign in again with: ${command}`);
    this.reason = reason;
    this.command = command;
  }
}

export const LOGIN = 'gcloud auth login';
export const APPLICATION_LOGIN = 'gcloud auth application-default login';
