// Who is calling: a user (a person, or team tooling's service account), or an instance. Used by the handlers.
import type { IncomingHttpHeaders } from 'node:http';
import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import type { Identity, TokenClaims } from './google/identity.ts';
import { instanceName } from './instance.ts';
import type { SessionRecord } from './record.ts';

export interface User {
  subject: string;
  /** For display, and for IAM; the subject is who it is. */
  email: string;
  isAdministrator: boolean;
}

export interface CallerDeps {
  config: Config;
  identity: Identity;
}

/** @throws AppError for kernels' service accounts too: a kernel can make ordinary ID tokens of its VM */
export async function authenticateUser(
  headers: IncomingHttpHeaders,
  { config, identity }: CallerDeps,
): Promise<User> {
  const claims = await identity.verify(bearerToken(headers), config.identity.audiences);
  // Without a verified e-mail a kernel's account could not be told from others.
  if (!claims.email || claims.email_verified !== true) {
    throw new AppError('UNAUTHENTICATED', 'The ID token holds no verified e-mail address.');
  }
  const email = claims.email.toLowerCase();
  const kernelAccounts = [config.instance.serviceAccount, ...config.policy.serviceAccounts];
  if (kernelAccounts.some((account) => account.toLowerCase() === email)) {
    throw new AppError('PERMISSION_DENIED', 'The service account of kernels may not use sessions.');
  }
  const isAdministrator = config.policy.administrators.includes(email);
  return { subject: claims.sub, email: claims.email, isAdministrator };
}

/** Cloud Scheduler's service account, with a token for this function's URL and nothing else. */
export async function authenticateScheduler(
  headers: IncomingHttpHeaders,
  { config, identity }: CallerDeps,
): Promise<void> {
  const { url, serviceAccount } = config.reaper;
  if (url === undefined) {
    throw new AppError('FAILED_PRECONDITION', 'REAP_URL is not set in the backend’s environment.');
  }
  const claims = await identity.verify(bearerToken(headers), [url]);
  if (claims.email === serviceAccount && claims.email_verified === true) return;
  throw new AppError('PERMISSION_DENIED', `Only ${serviceAccount} may ask for this.`);
}

/** Proof of being an instance of this project; which one, `checkInstance` compares. */
export async function authenticateInstance(
  headers: IncomingHttpHeaders,
  { config, identity }: CallerDeps,
): Promise<InstanceClaims> {
  const claims = await identity.verify(bearerToken(headers), [config.apiUrl]);
  const instance = claims.google?.compute_engine;
  if (instance?.project_id !== config.projectId) {
    throw new AppError('PERMISSION_DENIED', 'The ID token is not of an instance of this project.');
  }
  return instance;
}

export type InstanceClaims = NonNullable<NonNullable<TokenClaims['google']>['compute_engine']>;

/** Names can be used again, ids cannot: both must be the session's. */
export function checkInstance(record: SessionRecord, claims: InstanceClaims): void {
  const { instance } = record;
  const isIts =
    instance?.isGone === false &&
    claims.instance_id === instance.id &&
    claims.instance_name === instanceName(record) &&
    claims.zone === instance.zone;
  if (isIts) return;
  throw new AppError('PERMISSION_DENIED', 'The ID token is not of the instance of this session.');
}

/** Seen by its owner and by administrators; for anybody else it is not there. */
export function checkVisible(
  record: SessionRecord | undefined,
  user: User,
  id: string,
): SessionRecord {
  if (record && (user.isAdministrator || isOwner(record, user))) return record;
  throw noSession(id);
}

export function isOwner(record: SessionRecord, user: User): boolean {
  return record.owner.subject === user.subject;
}

export function noSession(id: string): AppError {
  return new AppError('NOT_FOUND', `There is no session ${id}.`);
}

/** `X-Serverless-Authorization` holds the same token, for the platform; this one is ours. */
function bearerToken(headers: IncomingHttpHeaders): string {
  const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(headers.authorization ?? '') ?? [];
  if (token !== undefined) return token;
  throw new AppError(
    'UNAUTHENTICATED',
    'Authorization must be "Bearer" and a Google ID token (gcloud auth print-identity-token).',
  );
}
