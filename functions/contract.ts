// The HTTP API as zod schemas and types: what crosses the wire between API, client, agent and team tooling.
// One of the two contract files that other parts may import (see ARCHITECTURE.md). What `describe` says of a field is in
// the OpenAPI document.
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

export const fieldViolation = z.object({
  field: z.string().describe('Such as diskSizeGb, labels.team or fallbackZones[0].'),
  description: z.string(),
});
export type FieldViolation = z.infer<typeof fieldViolation>;

/** The error body of AIP-193. `details` holds a google.rpc.BadRequest when fields are at fault. */
export const errorBody = z.object({
  error: z.object({
    code: z.int().describe('The HTTP status.'),
    status: z.enum(ERROR_CODES),
    message: z.string().describe('For people: what failed, why, and what to try next.'),
    details: z
      .array(z.looseObject({ '@type': z.string() }))
      .optional()
      .describe('A google.rpc.BadRequest with its fieldViolations where fields are at fault.'),
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

/** What happens to a session that is idle: memory kept, disk kept, or nothing. */
export const IDLE_ACTIONS = ['suspend', 'stop', 'delete'] as const;
export type IdleAction = (typeof IDLE_ACTIONS)[number];

/** Google's rules for labels; those that begin with `datalab-` are ours. */
export const sessionLabels = z
  .record(
    z
      .string()
      .regex(
        /^[a-z][-_a-z0-9]{0,62}$/,
        'must be 1 to 63 lower-case letters, digits, hyphens and underscores, starting with a letter',
      )
      .refine(
        (key) => !key.startsWith('datalab-'),
        'must not begin with datalab-: those are reserved',
      ),
    z
      .string()
      .regex(
        /^[-_a-z0-9]{0,63}$/,
        'must be at most 63 lower-case letters, digits, hyphens and underscores',
      ),
  )
  .refine((labels) => Object.keys(labels).length <= 32, 'must be at most 32 labels')
  .meta({ maxProperties: 32 });

/** `HOST/PATH[:TAG][@sha256:DIGEST]`. */
export const imageName = z
  .string()
  .max(300)
  .regex(
    /^[a-z0-9.-]+(:[0-9]+)?(\/[a-z0-9._-]+)+(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/,
    'must be the name of an image with its registry, such as gcr.io/my-project/datalab-gateway',
  );

/** Up to 60 days: so long Google keeps a suspended instance. */
const MAX_SECONDS = 5_184_000;

export const createSessionRequest = z
  .strictObject({
    name: sessionName.default('default').describe('Your name for it; one session for each name.'),
    zone: zoneName.optional().describe('Default: ZONE of the backend.'),
    fallbackZones: z
      .array(zoneName)
      .max(8)
      .optional()
      .describe('Tried in this order when the zone has no room.'),
    machineType: machineTypeName.optional().describe('Default: MACHINE_TYPE of the backend.'),
    spot: z
      .boolean()
      .optional()
      .describe('A Spot VM: cheaper, and Google may stop it at any time (the disk is kept).'),
    diskSizeGb: z
      .int()
      .min(10)
      .max(65536)
      .optional()
      .describe('Of the boot disk. Default: DISK_SIZE_GB of the backend.'),
    image: imageName
      .optional()
      .describe('Instead of the project’s gateway image; one of those that the policy names.'),
    serviceAccount: z
      .email()
      .max(254)
      .toLowerCase()
      .optional()
      .describe('What the kernels run as; one of those that the policy names.'),
    idleTimeoutSeconds: z
      .int()
      .min(60)
      .max(MAX_SECONDS)
      .optional()
      .describe('So long without activity, and the session sleeps.'),
    idleAction: z
      .enum(IDLE_ACTIONS)
      .optional()
      .describe('How it sleeps: suspend keeps the memory, stop the disk, delete nothing.'),
    maxLifetimeSeconds: z
      .int()
      .min(300)
      .max(MAX_SECONDS)
      .optional()
      .describe('So long after a start the session is suspended, busy or not; :extend moves it.'),
    labels: sessionLabels
      .optional()
      .describe('For filters and bills: at most 32, and none that begins with datalab-.'),
    validateOnly: z
      .boolean()
      .optional()
      .describe('Checks everything, stores and does nothing (AIP-163).'),
  })
  .meta({
    examples: [{ name: 'train', machineType: 'e2-standard-8', labels: { team: 'forecast' } }],
  });
export type CreateSessionRequest = z.infer<typeof createSessionRequest>;

/** `:extend`: stays awake for so many seconds from now, whatever its kernels do; its lifetime ends no sooner. */
export const extendSessionRequest = z
  .strictObject({ seconds: z.int().min(60).max(MAX_SECONDS).describe('From now.') })
  .meta({ examples: [{ seconds: 7200 }] });

export const healthResponse = z.object({
  status: z.literal('ok'),
  version: z.string().optional().describe('Of the backend; clients of another may not fit.'),
});
export const openApiDocument = z.looseObject({ openapi: z.string() });

/** Of the methods that take nothing: an empty body, or `{}`. */
export const emptyRequest = z.strictObject({});

export const KERNEL_STATES = ['starting', 'idle', 'busy', 'waitingForInput', 'dead'] as const;

/** One kernel as the agent sees it. Durations, not times: the clocks of VM and API differ. */
export const kernelActivity = z.strictObject({
  id: z.string().max(64),
  name: z.string().max(128),
  state: z.enum(KERNEL_STATES),
  connections: z.int().min(0),
  idleSeconds: z
    .number()
    .min(0)
    .describe('Since the last message that was activity; 0 while busy. As of the last report.'),
});
export type KernelActivity = z.infer<typeof kernelActivity>;

/** RFC 3339, in UTC. */
const time = z.string().meta({ format: 'date-time' });

/** A session as the API answers it. */
export const session = z.object({
  id: z.string(),
  name: z.string().describe('Its owner’s name for it.'),
  resourceName: z.string().describe('sessions/{id} (AIP-122).'),
  owner: z.object({ email: z.string() }),
  state: z.enum(SESSION_STATES),
  waitingFor: z.string().describe('In words; empty when nothing is under way.'),
  want: z.enum(WANTS).describe('What was asked for last.'),
  revision: z.int().describe('Counts changes that a user could see; afterRevision takes it.'),
  etag: z.string().describe('For If-Match, with its quotes.'),
  createTime: time,
  updateTime: time,
  zone: z.string().describe('Where the instance is, or is to be made: a fallback zone, maybe.'),
  machineType: z.string(),
  diskSizeGb: z.int(),
  fallbackZones: z.array(z.string()),
  spot: z.boolean(),
  serviceAccount: z.string().optional(),
  labels: z.record(z.string(), z.string()),
  idleTimeoutSeconds: z.int(),
  idleAction: z.enum(IDLE_ACTIONS),
  maxLifetimeSeconds: z.int().optional(),
  awake: z
    .object({
      reason: z.string().describe('In words.'),
      sleepTime: time.optional().describe('When it sleeps if nothing happens; absent while busy.'),
    })
    .optional()
    .describe('While it is READY.'),
  lifetimeEndTime: time.optional().describe('When it is suspended, busy or not.'),
  image: z
    .string()
    .optional()
    .describe('The gateway image with its pinned digest; absent until it was looked up.'),
  generation: z.int().describe('How many instances this session has had.'),
  instance: z
    .object({
      name: z.string(),
      zone: z.string(),
      status: z.string().optional().describe('Google’s word, such as RUNNING or TERMINATED.'),
      internalIp: z.string().optional(),
    })
    .optional(),
  kernels: z.array(z.object({ ...kernelActivity.shape })),
  error: z
    .object({ code: z.enum(ERROR_CODES), message: z.string() })
    .optional()
    .describe('Why the session is FAILED.'),
  timeline: z.array(z.object({ time, message: z.string() })).describe('The last 50, oldest first.'),
});
export type SessionView = z.infer<typeof session>;

export const listSessionsResponse = z.object({
  sessions: z
    .array(session)
    .describe('May be fewer than pageSize, even none, before the last page.'),
  nextPageToken: z.string().optional().describe('Absent on the last page.'),
});

/** In a query: digits and nothing else, so that an empty variable of a script is not taken for 0. */
const queryNumber = (range: z.ZodNumber) =>
  z
    .string()
    .regex(/^[0-9]{1,15}$/, 'must be a whole number, 0 or more')
    .transform(Number)
    .pipe(range);

/** Query of `GET /v1/sessions/{id}`: with `afterRevision` it answers as soon as there is something newer. */
export const getSessionQuery = z.strictObject({
  afterRevision: queryNumber(z.int().min(0))
    .optional()
    .describe('Answers as soon as the session is newer than this.'),
  waitSeconds: queryNumber(z.int().min(0).max(45))
    .optional()
    .describe('With afterRevision: the longest to wait, then it answers as it is. Default: 0.'),
});

export const DEFAULT_PAGE_SIZE = 100;
export const MAX_PAGE_SIZE = 1000;

export const listSessionsQuery = z.strictObject({
  filter: z
    .string()
    .max(1024)
    .optional()
    .describe('AIP-160, as far as: state = READY AND labels.team = "a" AND name != "x".'),
  pageSize: queryNumber(z.int().min(0))
    .optional()
    .describe(
      `Default, and for 0: ${DEFAULT_PAGE_SIZE}. More than ${MAX_PAGE_SIZE} is ${MAX_PAGE_SIZE} (AIP-158).`,
    ),
  pageToken: z
    .string()
    .max(512)
    .optional()
    .describe('nextPageToken of the page before, of a list with the same filter.'),
});

/** Answer of `:connect`: the session's access token and where to tunnel to. The owner's alone. */
export const connectResponse = z.object({
  accessToken: z.string().describe('For Authorization: Bearer, to the agent.'),
  tunnel: z.object({
    project: z.string(),
    zone: z.string(),
    instance: z.string(),
    networkInterface: z.string(),
    port: z.int(),
  }),
});
export type ConnectResponse = z.infer<typeof connectResponse>;

/** What a session's logs are of: its two containers, and the instance's serial port. */
export const LOG_SOURCES = ['gateway', 'agent', 'vm'] as const;
export type LogSource = (typeof LOG_SOURCES)[number];

export const DEFAULT_LOG_LINES = 100;
export const MAX_LOG_LINES = 1000;

const logsQuery = {
  limit: queryNumber(z.int().min(1).max(MAX_LOG_LINES))
    .optional()
    .describe(`The most lines to answer. Default: ${DEFAULT_LOG_LINES}.`),
  after: z
    .string()
    .max(512)
    .optional()
    .describe('`next` of an answer: what has come since. Without it: the last lines.'),
};

/** Query of `GET /v1/sessions/{id}:logs`. */
export const sessionLogsQuery = z.strictObject({
  source: z.enum(LOG_SOURCES).describe('The gateway, the agent, or the serial port of the VM.'),
  ...logsQuery,
});

/** Query of `GET /v1/image:logs`: the log of the last build of the gateway image. */
export const imageLogsQuery = z.strictObject(logsQuery);

export const logsResponse = z.object({
  lines: z
    .array(z.object({ time: time.optional(), text: z.string() }))
    .describe('Oldest first. The serial port knows no times.'),
  next: z.string().describe('For `after`, to go on from here; it may stay the same.'),
});
export type LogsResponse = z.infer<typeof logsResponse>;

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
  /** See `reportResponse`. */
  deadManSeconds: z.number(),
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
  /** The answer to `sleep` of the last response, once for each nonce. */
  sleep: z
    .strictObject({
      nonce: z.string().max(64),
      /** The agent has looked again, nothing runs, and its gate is shut: nothing is delivered to kernels. */
      isAgreed: z.boolean(),
      /** The gate stays shut for so long, counted by the agent from before it sent this. */
      forSeconds: z.number().min(0).max(600),
    })
    .optional(),
});
export type ReportRequest = z.infer<typeof reportRequest>;

/** How long an agent keeps its gate shut for a sleep that it has agreed to. */
export const GATE_SECONDS = 60;

export const reportResponse = z.object({
  reportIntervalSeconds: z.number(),
  /** So long awake without reaching the API and with idle kernels, and the agent switches the machine off. */
  deadManSeconds: z.number(),
  /** The session is not about to sleep: the gate opens. */
  isAwake: z.boolean(),
  /**
   * `prepare`: look again, shut the gate, and say so in a report at once. `switchOff`: what was agreed under this nonce
   * holds; look once more and switch the machine off now.
   */
  sleep: z
    .object({
      nonce: z.string(),
      action: z.enum(['prepare', 'switchOff']),
      by: z.enum(IDLE_ACTIONS),
    })
    .optional(),
});
export type ReportResponse = z.infer<typeof reportResponse>;

export const IMAGE_STATES = ['MISSING', 'BUILDING', 'READY', 'FAILED'] as const;

/** What an image may be extended with. */
export const EXTENSION_KINDS = ['requirements', 'dockerfile'] as const;
export type ExtensionKind = (typeof EXTENSION_KINDS)[number];

/** Of those that use an image. */
export const MAX_IMAGE_SESSIONS = 50;

/** `GET /v1/image`: the project's gateway image. */
export const image = z.object({
  name: z.string().describe('With its tag.'),
  state: z.enum(IMAGE_STATES),
  digest: z.string().optional().describe('What new sessions get pinned.'),
  version: z.string().optional().describe('Of what it was built from. With view=FULL.'),
  createTime: time.optional().describe('When it was built, if it says so. With view=FULL.'),
  sizeBytes: z
    .int()
    .optional()
    .describe('What a new VM pulls: configuration and layers, compressed. With view=FULL.'),
  extendedFrom: z
    .object({ name: z.string(), digest: z.string() })
    .optional()
    .describe('The image of this project that it was made of by :extend. With view=FULL.'),
  usedBy: z
    .object({
      sessions: z
        .array(
          z.object({
            id: z.string(),
            name: z.string(),
            owner: z.object({ email: z.string() }),
            state: z.enum(SESSION_STATES),
          }),
        )
        .describe(
          `Those that have this digest pinned; at most ${MAX_IMAGE_SESSIONS}, oldest first.`,
        ),
      sessionCount: z.int().describe('How many there are of them.'),
      otherSessionCount: z
        .int()
        .describe('How many have another digest of this image, an older one.'),
      isTruncated: z.boolean().describe('There are more sessions than were looked at.'),
    })
    .optional()
    .describe('Yours; everybody’s for an administrator. With view=FULL.'),
  build: z
    .object({
      id: z.string(),
      status: z.string().describe('Cloud Build’s word.'),
      logUrl: z.string().optional(),
      startTime: time.optional(),
      extension: z
        .enum(EXTENSION_KINDS)
        .optional()
        .describe('What it extends the image with; absent: it builds the plain one.'),
    })
    .optional(),
  error: z
    .object({ code: z.enum(ERROR_CODES), message: z.string() })
    .optional()
    .describe('Why the last build failed, with the last lines of its log.'),
});
export type ImageView = z.infer<typeof image>;

/** Query of `GET /v1/image` (AIP-157). */
export const getImageQuery = z.strictObject({
  view: z
    .enum(['BASIC', 'FULL'])
    .optional()
    .describe('FULL: also what is in the registry about it, and who uses it. Default: BASIC.'),
});

/** `POST /v1/image:build`. */
export const buildImageRequest = z.strictObject({
  force: z.boolean().optional().describe('Replaces an image that is there; administrators only.'),
  validateOnly: z.boolean().optional().describe('Checks, and builds nothing (AIP-163).'),
});

/** Of the file that an image is extended with. Cloud Build gets it in pieces: its arguments have 10,000 characters. */
export const MAX_EXTENSION_BYTES = 65_536;

const extensionText = z
  .string()
  .min(1)
  .refine((text) => new TextEncoder().encode(text).length <= MAX_EXTENSION_BYTES, {
    message: `must be at most ${MAX_EXTENSION_BYTES} bytes in UTF-8`,
  })
  .refine((text) => !text.includes('\0') && text.isWellFormed(), {
    message: 'must be text: it holds a NUL, or half a character',
  })
  .meta({ maxLength: MAX_EXTENSION_BYTES });

/** `POST /v1/image:extend`: one of `requirements` and `dockerfile`. */
export const extendImageRequest = z
  .strictObject({
    requirements: extensionText
      .optional()
      .describe('A requirements file of pip, whose packages are installed.'),
    dockerfile: extensionText
      .optional()
      .describe(
        'A Dockerfile without files of its own: ARG BASE_IMAGE, FROM ${BASE_IMAGE}, and what follows.',
      ),
    validateOnly: z.boolean().optional().describe('Checks, and builds nothing (AIP-163).'),
  })
  .meta({ examples: [{ requirements: 'scikit-learn==1.7.2\n' }] });
export type ExtendImageRequest = z.infer<typeof extendImageRequest>;

/** Metadata attributes that the API gives an instance and `vm-startup.sh` reads. */
export const INSTANCE_ATTRIBUTES = {
  session: 'datalab-session',
  apiUrl: 'datalab-api-url',
  gatewayImage: 'datalab-gateway-image',
  agentImage: 'datalab-agent-image',
} as const;

/** Google's own: with `true` Container-Optimized OS sends to Cloud Logging what containers print. */
export const LOGGING_ATTRIBUTE = 'google-logging-enabled';
