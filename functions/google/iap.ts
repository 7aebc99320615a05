// Who may tunnel to an instance: the IAM policy that IAP keeps for it. A grant is for one account and one port, and goes
// with the instance. Google's own client (@google-cloud/iap) starts two generated gRPC clients for the two calls that
// we make; they are made with rest.ts instead.
import type { GoogleAuth } from 'google-auth-library';
import { z } from 'zod';
import type { Grants, Target } from '../apply.ts';
import { callJson } from './rest.ts';

export interface TunnelGrantsConfig {
  readonly projectId: string;
  /** IAP's documentation names resources by it; the id does as well. */
  readonly projectNumber?: string | undefined;
  readonly iapUrl: string;
  readonly callSeconds: number;
}

const NAME = 'Identity-Aware Proxy';
const ROLE = 'roles/iap.tunnelResourceAccessor';
/** The version with conditions: with a lower one they are not shown, and may be lost. */
const POLICY_VERSION = 3;

/** What we do not know of other people's bindings and conditions is written back as it was. */
const binding = z.looseObject({
  role: z.string(),
  members: z.array(z.string()).default([]),
  condition: z.looseObject({ expression: z.string() }).optional(),
});
type Binding = z.infer<typeof binding>;

const policy = z.looseObject({
  etag: z.string().optional(),
  bindings: z.array(binding).default([]),
});
type Policy = z.infer<typeof policy>;

export function createTunnelGrants(
  config: TunnelGrantsConfig,
  auth: () => Promise<GoogleAuth>,
): Grants {
  const call = (target: Target, verb: string, body: unknown) => {
    const url = `${config.iapUrl}/v1/${resourceName(target, config)}:${verb}`;
    const options = { name: NAME, callSeconds: config.callSeconds, auth };
    return callJson({ method: 'POST', url, body }, policy, options);
  };
  const read = (target: Target) =>
    call(target, 'getIamPolicy', { options: { requestedPolicyVersion: POLICY_VERSION } });
  return {
    hasGrant: async (target, email, port) => isGranted(await read(target), email, port),
    grant: async (target, email, port) => {
      const current = await read(target);
      if (isGranted(current, email, port)) return;
      const next = { ...current, version: POLICY_VERSION };
      const bindings = withGrant(current.bindings, email, port);
      await call(target, 'setIamPolicy', { policy: { ...next, bindings } });
    },
  };
}

function resourceName({ zone, name }: Target, config: TunnelGrantsConfig): string {
  const project = config.projectNumber ?? config.projectId;
  return `projects/${project}/iap_tunnel/zones/${zone}/instances/${name}`;
}

function isGranted({ bindings }: Policy, email: string, port: number): boolean {
  return bindings.some(
    (candidate) =>
      candidate.role === ROLE &&
      candidate.members.some((member) => isSameMember(member, memberOf(email))) &&
      (candidate.condition === undefined || isForPort(candidate, port)),
  );
}

/** Into the binding of that port if there is one: one binding holds many accounts. */
function withGrant(bindings: readonly Binding[], email: string, port: number): Binding[] {
  const member = memberOf(email);
  const isOurs = (candidate: Binding) => candidate.role === ROLE && isForPort(candidate, port);
  const ours = bindings.find(isOurs);
  if (ours) {
    const wider = { ...ours, members: [...ours.members, member] };
    return bindings.map((other) => (other === ours ? wider : other));
  }
  const condition = { title: `Datalab: port ${port}`, expression: expressionOf(port) };
  return [...bindings, { role: ROLE, members: [member], condition }];
}

function isForPort({ condition }: Binding, port: number): boolean {
  return condition?.expression.replace(/\s+/g, ' ').trim() === expressionOf(port);
}

function expressionOf(port: number): string {
  return `destination.port == ${port}`;
}

/** However the address, or the word before it, is written. */
function isSameMember(member: string, other: string): boolean {
  return member.toLowerCase() === other.toLowerCase();
}

/** IAM keeps addresses in lower case. */
function memberOf(email: string): string {
  const address = email.toLowerCase();
  const kind = address.endsWith('.gserviceaccount.com') ? 'serviceAccount' : 'user';
  return `${kind}:${address}`;
}
