// IAM policies of IAP tunnels: what may be set, what is shown of them, and what they allow. Pure; policies.ts
// keeps them.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { rpcError, type GoogleError } from '../google-error.ts';
import { parseCondition } from './condition.ts';

const condition = z.strictObject({
  title: z.string().min(1).max(100),
  description: z.string().max(256).optional(),
  expression: z.string().max(2000),
  location: z.string().optional(),
});

export const binding = z.strictObject({
  role: z.string(),
  members: z.array(z.string()),
  condition: condition.optional(),
});
export type Binding = z.infer<typeof binding>;

export const TUNNEL_ROLE = 'roles/iap.tunnelResourceAccessor';
/** Roles that IAP knows for tunnel instances. */
const ROLES = [TUNNEL_ROLE, 'roles/iap.admin'];
const MAX_MEMBERS = 1500;

/**
 * Bindings as they are kept: one per role and condition, every member once.
 * @param userExists for accounts of people; nobody can grant something to one that is not there
 * @throws GoogleError
 */
export function normalize(
  bindings: readonly Binding[],
  userExists: (email: string) => boolean,
): Binding[] {
  const kept = new Map<string, Binding>();
  for (const { role, members, condition } of bindings) {
    if (!ROLES.includes(role)) throw invalid(`Role ${role} is not supported for this resource.`);
    if (condition) parseCondition(condition.expression);
    const key = JSON.stringify([role, condition ?? null]);
    const known = kept.get(key)?.members ?? [];
    const all = new Set([...known, ...members.map((member) => checkMember(member, userExists))]);
    if (all.size > 0)
      kept.set(key, { role, members: [...all], ...(condition ? { condition } : {}) });
  }
  const result = [...kept.values()];
  if (result.reduce((sum, { members }) => sum + members.length, 0) > MAX_MEMBERS) {
    throw invalid('The number of members in the policy is larger than the maximum allowed 1,500.');
  }
  return result;
}

/** Google keeps e-mail addresses in lower case. */
function checkMember(member: string, userExists: (email: string) => boolean): string {
  const [, kind, email = ''] = /^(user|serviceAccount|group|domain):(.+)$/.exec(member) ?? [];
  const lower = email.toLowerCase();
  const isEmail = z.email().max(254).safeParse(lower).success;
  const isDomain = kind === 'domain' && /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(lower);
  const isAccount = lower.endsWith('.gserviceaccount.com');
  if (kind === undefined || !(isEmail || isDomain)) throw invalid(`Invalid member: ${member}`);
  if ((kind === 'serviceAccount') !== isAccount && kind !== 'domain') {
    throw invalid(`The member ${member} is of an unknown type. Please set a valid type prefix.`);
  }
  if (kind === 'user' && !userExists(lower)) throw invalid(`User ${lower} does not exist.`);
  return `${kind}:${lower}`;
}

export function hasConditions(bindings: readonly Binding[]): boolean {
  return bindings.some(({ condition }) => condition !== undefined);
}

/** For who did not ask for version 3: the condition is not shown, and the role's name says so. */
export function withoutConditions(bindings: readonly Binding[]): Binding[] {
  return bindings.map(({ role, members, condition }) => {
    if (!condition) return { role, members };
    const hash = createHash('sha256').update(JSON.stringify(condition)).digest('hex').slice(0, 20);
    return { role: `${role}_withcond_${hash}`, members };
  });
}

/** Whether these bindings let the account tunnel to that port. */
export function allowsTunnel(bindings: readonly Binding[], email: string, port: number): boolean {
  return bindings.some(
    ({ role, members, condition }) =>
      role === TUNNEL_ROLE &&
      members.some((member) => isMember(email, member)) &&
      (!condition || parseCondition(condition.expression)(port)),
  );
}

/** Groups have nobody in them here. */
function isMember(email: string, member: string): boolean {
  const lower = email.toLowerCase();
  const kind = lower.endsWith('.gserviceaccount.com') ? 'serviceAccount' : 'user';
  const domain = lower.split('@').at(-1) ?? '';
  return member === `${kind}:${lower}` || (kind === 'user' && member === `domain:${domain}`);
}

export function invalid(message: string): GoogleError {
  return rpcError('INVALID_ARGUMENT', message);
}
