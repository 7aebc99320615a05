// Routes of the emulated IAP API: who may tunnel to an instance (get, set and test its IAM policy).
import { z } from 'zod';
import { rpcError } from '../google-error.ts';
import { requireBearer, type AccessGrant, type Tokens } from '../oidc/tokens.ts';
import { json, type Call, type Params, type Reply, type Route } from '../router.ts';
import { invalid } from './policy.ts';
import { policyRequest, type Policies } from './policies.ts';

export interface PolicyRoutesOptions {
  project: { id: string; number: string };
  tokens: Tokens;
  policies: Policies;
  findInstanceId: (zone: string, name: string) => string | undefined;
}

const PATH = '/v1/projects/:project/iap_tunnel/zones/:zone/instances/:name';
const MANAGE = ['iap.tunnelInstances.getIamPolicy', 'iap.tunnelInstances.setIamPolicy'];
const USE = 'iap.tunnelInstances.accessViaIAP';

const getRequest = z.strictObject({
  options: z.strictObject({ requestedPolicyVersion: z.int().optional() }).optional(),
});
const setRequest = z.strictObject({ policy: policyRequest, updateMask: z.string().optional() });
const testRequest = z.strictObject({ permissions: z.array(z.string()) });

interface Target {
  id: string;
  grant: AccessGrant;
}

export function createPolicyRoutes(options: PolicyRoutesOptions): Route[] {
  const { policies } = options;
  const method = (verb: string, handle: (call: Call, target: Target) => unknown): Route => ({
    method: 'POST',
    path: `${PATH}:${verb}`,
    handle: (call, params): Reply => json(handle(call, findTarget(call, params, options))),
  });
  return [
    method('getIamPolicy', (call, { id }) => {
      const { options: asked } = parse(call, getRequest);
      return policies.get(id, asked?.requestedPolicyVersion ?? 0);
    }),
    method('setIamPolicy', (call, { id }) => policies.set(id, parse(call, setRequest).policy)),
    // Who is signed in manages this project; tunnelling has to be granted, and not for one port only.
    method('testIamPermissions', (call, { id, grant }) => {
      const { permissions } = parse(call, testRequest);
      const unknown = permissions.find((name) => name !== USE && !MANAGE.includes(name));
      if (unknown !== undefined) {
        throw invalid(`Permission ${unknown} is not valid for this resource.`);
      }
      const mayUse = policies.allows(id, grant.email, Number.NaN);
      return { permissions: permissions.filter((name) => name !== USE || mayUse) };
    }),
  ];
}

function findTarget(
  call: Call,
  { project = '', zone = '', name = '' }: Params,
  options: PolicyRoutesOptions,
): Target {
  const grant = requireBearer(options.tokens, call.headers.authorization);
  const { id, number } = options.project;
  if (project !== id && project !== number) {
    throw rpcError('PERMISSION_DENIED', 'The caller does not have permission');
  }
  const found = options.findInstanceId(zone, name);
  if (found !== undefined) return { id: found, grant };
  throw rpcError('NOT_FOUND', 'Requested entity was not found.');
}

function parse<T>(call: Call, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(readJson(call.body));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.map(String).join('.') ?? '';
  throw invalid(`Invalid JSON payload received. At '${place}': ${issue?.message ?? 'not valid'}`);
}

function readJson(body: Buffer): unknown {
  try {
    return body.length === 0 ? {} : JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
