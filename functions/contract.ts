// The HTTP API as zod schemas and types: what crosses the wire between API, client, agent and team tooling.
// One of the two contract files that other parts may import (see ARCHITECTURE.md).
import { z } from 'zod';

/** Codes of google.rpc.Code that the API answers with, and the HTTP status of each (AIP-193). */
export const HTTP_STATUS = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ABORTED: 409,
  ALREADY_EXISTS: 409,
  RESOURCE_EXHAUSTED: 429,
  INTERNAL: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
} as const;

export type ErrorCode = keyof typeof HTTP_STATUS;

export const ERROR_CODES = Object.keys(HTTP_STATUS) as [ErrorCode, ...ErrorCode[]];

export const fieldViolation = z.object({ field: z.string(), description: z.string() });
export type FieldViolation = z.infer<typeof fieldViolation>;

/** The error body of AIP-193. `details` holds a google.rpc.BadRequest when fields are at fault. */
export const errorBody = z.object({
  error: z.object({
    code: z.int(),
    status: z.enum(ERROR_CODES),
    message: z.string(),
    details: z.array(z.looseObject({ '@type': z.string() })).optional(),
  }),
});
export type ErrorBody = z.infer<typeof errorBody>;

/** `@type` of the detail whose `fieldViolations` name the request's fields at fault. */
export const BAD_REQUEST_TYPE = 'type.googleapis.com/google.rpc.BadRequest';

/** What the user sees of a session; derived by `stateOf`, never stored. */
export const SESSION_STATES = [
  'PENDING',
  'BUILDING_IMAGE',
  'CREATING',
  'BOOTING',
  'READY',
  'SUSPENDING',
  'SUSPENDED',
  'RESUMING',
  'STOPPING',
  'STOPPED',
  'STARTING',
  'DELETING',
  'FAILED',
] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** What the owner asked for last. */
export const WANTS = ['running', 'suspended', 'stopped', 'deleted'] as const;
export type Want = (typeof WANTS)[number];

/** A session's name: Google's label rules, so that it can be used in labels. */
export const sessionName = z
  .string()
  .regex(
    /^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/,
    'must be 1 to 40 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen',
  );

export const zoneName = z
  .string()
  .regex(/^[a-z]+-[a-z]+[0-9]+-[a-z]$/, 'must be the name of a zone, such as europe-west1-b');

export const machineTypeName = z
  .string()
  .max(63)
  .regex(/^[a-z][-a-z0-9]*$/, 'must be the name of a machine type, such as e2-standard-4');

export const createSessionRequest = z.strictObject({
  name: sessionName.default('default'),
  zone: zoneName.optional(),
  machineType: machineTypeName.optional(),
  /** Size of the boot disk in GB (10 is what Container-Optimized OS needs). */
  diskSizeGb: z.int().min(10).max(65536).optional(),
});
export type CreateSessionRequest = z.infer<typeof createSessionRequest>;

/** Of the methods that take nothing: an empty body, or `{}`. */
export const emptyRequest = z.strictObject({});

export const KERNEL_STATES = ['starting', 'idle', 'busy', 'waitingForInput', 'dead'] as const;

/** One kernel as the agent sees it. Durations, not times: the clocks of VM and API differ. */
export const kernelActivity = z.strictObject({
  id: z.string().max(64),
  name: z.string().max(128),
  state: z.enum(KERNEL_STATES),
  connections: z.int().min(0),
  /** Seconds since the last message that was activity; 0 while busy. */
  idleSeconds: z.number().min(0),
});
export type KernelActivity = z.infer<typeof kernelActivity>;

/** A session as the API answers it. Times are RFC 3339 in UTC. */
export const session = z.object({
  id: z.string(),
  name: z.string(),
  owner: z.object({ email: z.string() }),
  state: z.enum(SESSION_STATES),
  /** What the session is waiting for, in words; empty when nothing is under way. */
  waitingFor: z.string(),
  want: z.enum(WANTS),
  /** Counts changes that a user could see; `afterRevision` takes it. */
  revision: z.int(),
  etag: z.string(),
  createTime: z.string(),
  updateTime: z.string(),
  zone: z.string(),
  machineType: z.string(),
  diskSizeGb: z.int(),
  /** The gateway image with its pinned digest; absent until it was looked up. */
  image: z.string().optional(),
  /** How many instances this session has had. */
  generation: z.int(),
  instance: z
    .object({
      name: z.string(),
      zone: z.string(),
      /** Google's status word, such as RUNNING or TERMINATED. */
      status: z.string().optional(),
      internalIp: z.string().optional(),
    })
    .optional(),
  kernels: z.array(z.object({ ...kernelActivity.shape })),
  /** Why the session is FAILED, or what went wrong last. */
  error: z.object({ code: z.enum(ERROR_CODES), message: z.string() }).optional(),
  timeline: z.array(z.object({ time: z.string(), message: z.string() })),
});
export type SessionView = z.infer<typeof session>;

export const listSessionsResponse = z.object({
  sessions: z.array(session),
  nextPageToken: z.string().optional(),
});

/** Query of `GET /v1/sessions/{id}`: with `afterRevision` it answers as soon as there is something newer. */
export const getSessionQuery = z.strictObject({
  afterRevision: z.coerce.number().int().min(0).optional(),
  waitSeconds: z.coerce.number().int().min(0).max(45).optional(),
});

export const listSessionsQuery = z.strictObject({
  pageSize: z.coerce.number().int().min(1).max(1000).optional(),
  pageToken: z.string().max(512).optional(),
});

/** Answer of `:connect`: the session's access token and where to tunnel to. The owner's alone. */
export const connectResponse = z.object({
  accessToken: z.string(),
  tunnel: z.object({
    project: z.string(),
    zone: z.string(),
    instance: z.string(),
    networkInterface: z.string(),
    port: z.int(),
  }),
});
export type ConnectResponse = z.infer<typeof connectResponse>;

/** The port of the agent on every instance. */
export const AGENT_PORT = 8888;

/** `:register`, sent by the agent once per start of the agent, with the instance's identity token. */
export const registerRequest = z.strictObject({
  agentVersion: z.string().max(64),
  bootId: z.string().max(64),
});
export const registerResponse = z.object({
  /** What the agent asks of every connection. */
  accessToken: z.string(),
  reportIntervalSeconds: z.number(),
});

/** `:report`. (bootId, wake, sequence) orders reports: those that are older than the last one are dropped. */
export const reportRequest = z.strictObject({
  bootId: z.string().max(64),
  /** Counts resumes since boot. */
  wake: z.int().min(0),
  sequence: z.int().min(0),
  /** The gateway answered `/api/kernelspecs`. */
  gatewayReady: z.boolean(),
  kernels: z.array(kernelActivity).max(500),
});
export type ReportRequest = z.infer<typeof reportRequest>;
export const reportResponse = z.object({ reportIntervalSeconds: z.number() });

/** Metadata attributes that the API gives an instance and `vm-startup.sh` reads. */
export const INSTANCE_ATTRIBUTES = {
  session: 'datalab-session',
  apiUrl: 'datalab-api-url',
  gatewayImage: 'datalab-gateway-image',
  agentImage: 'datalab-agent-image',
} as const;
