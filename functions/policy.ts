// The administrator's policy: one JSON file, one schema. What it forbids is refused with the reason, before anything is
// stored. Parsed by config.ts; sessions.ts asks it.
import { z } from 'zod';
import {
  imageName,
  machineTypeName,
  zoneName,
  type CreateSessionRequest,
  type FieldViolation,
} from './contract.ts';

const lowerCaseEmail = z.email().transform((email) => email.toLowerCase());

/** Unknown fields are refused: a mistyped limit must not be no limit. */
const policySchema = z.strictObject({
  /** Absent: every zone, every machine type. */
  zones: z.array(zoneName).min(1).optional(),
  machineTypes: z.array(machineTypeName).min(1).optional(),
  /** Images that a caller may choose beside the project's gateway image; absent: none. */
  images: z.array(imageName).default([]),
  /** Service accounts that a caller may choose for kernels beside the default; absent: none. */
  serviceAccounts: z.array(lowerCaseEmail).default([]),
  maxDiskSizeGb: z.int().min(10).optional(),
  maxIdleTimeoutSeconds: z.int().min(60).optional(),
  /** Sessions that ask for no lifetime get this one. */
  maxLifetimeSeconds: z.int().min(300).optional(),
  /** See all sessions and may change them all; may not get in. */
  administrators: z.array(lowerCaseEmail).default([]),
});
export type Policy = z.infer<typeof policySchema>;

/** @param file absent: nothing is limited, nobody is administrator */
export function parsePolicy(
  file: string | undefined,
  readFile: (file: string) => string,
): { policy: Policy; problems: string[] } {
  const none = policySchema.parse({});
  if (file === undefined) return { policy: none, problems: [] };
  const read = readJson(file, readFile);
  if ('problem' in read) return { policy: none, problems: [read.problem] };
  const parsed = policySchema.safeParse(read.json);
  if (parsed.success) return { policy: parsed.data, problems: [] };
  const problems = parsed.error.issues.map(
    ({ path, message }) => `POLICY_FILE ${file}: ${path.join('.')}: ${message}`,
  );
  return { policy: none, problems };
}

/** What the policy forbids of a request, by field. */
export function violationsOf(request: CreateSessionRequest, policy: Policy): FieldViolation[] {
  const found: FieldViolation[] = [];
  const refuse = (field: string, description: string) => found.push({ field, description });
  const zones = [request.zone, ...(request.fallbackZones ?? [])];
  for (const [index, zone] of zones.entries()) {
    const field = index === 0 ? 'zone' : `fallbackZones[${index - 1}]`;
    if (isOutside(zone, policy.zones)) refuse(field, oneOf(policy.zones));
  }
  if (isOutside(request.machineType, policy.machineTypes)) {
    refuse('machineType', oneOf(policy.machineTypes));
  }
  if (isOutside(request.image, policy.images)) refuse('image', oneOf(policy.images));
  if (isOutside(request.serviceAccount, policy.serviceAccounts)) {
    refuse('serviceAccount', oneOf(policy.serviceAccounts));
  }
  const limits = [
    ['diskSizeGb', policy.maxDiskSizeGb],
    ['idleTimeoutSeconds', policy.maxIdleTimeoutSeconds],
    ['maxLifetimeSeconds', policy.maxLifetimeSeconds],
  ] as const;
  for (const [field, limit] of limits) {
    const value = request[field];
    if (value !== undefined && limit !== undefined && value > limit) {
      refuse(field, `must be at most ${limit}: the administrator's policy says so`);
    }
  }
  return found;
}

function isOutside(value: string | undefined, allowed: readonly string[] | undefined): boolean {
  return value !== undefined && allowed !== undefined && !allowed.includes(value);
}

function oneOf(allowed: readonly string[] = []): string {
  if (allowed.length === 0) return "is not to be chosen: the administrator's policy names none";
  return `must be one of ${allowed.join(', ')}: the administrator's policy says so`;
}

function readJson(
  file: string,
  readFile: (file: string) => string,
): { json: unknown } | { problem: string } {
  try {
    return { json: JSON.parse(readFile(file)) };
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
    return { problem: `POLICY_FILE: ${file} ${why}` };
  }
}
