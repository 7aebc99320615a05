// Environment -> frozen Config, once, in the entry point. Every problem is reported at once.
import { z } from 'zod';
import { AppError } from './errors.ts';
import { IDLE_ACTIONS, machineTypeName, zoneName, type IdleAction } from './contract.ts';
import { baseImage, pypi, type GatewayBuild } from './gateway-build.ts';
import { parsePolicy, violationsOf, type Policy } from './policy.ts';

/** Audiences of user accounts' ID tokens: the program that made them. Users cannot choose another. */
const GCLOUD_CLIENT = '32555940559.apps.googleusercontent.com';
const DEFAULT_CREDENTIALS_CLIENT =
  '764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com';

export interface Config {
  readonly projectId: string;
  /** What a session gets that does not ask for anything else. */
  readonly defaults: {
    readonly zone: string;
    readonly machineType: string;
    readonly diskSizeGb: number;
    readonly idleTimeoutSeconds: number;
    readonly idleAction: IdleAction;
  };
  readonly policy: Policy;
  /** Google's number of the project, where an API wants it; the id does elsewhere. */
  readonly projectNumber: string | undefined;
  /** Public URL of the api function; also the audience of instances' identity tokens. */
  readonly apiUrl: string;
  readonly store:
    | { readonly kind: 'sqlite'; readonly file: string }
    | { readonly kind: 'firestore'; readonly database: string };
  readonly tokenKeys: TokenKeys;
  readonly computeUrl: string;
  readonly buildUrl: string;
  readonly loggingUrl: string;
  readonly iapUrl: string;
  /** Undefined: the host in the image's name. */
  readonly registryUrl: string | undefined;
  readonly gatewayImage: string;
  readonly agentImage: string;
  /** What Cloud Build makes the gateway image from. */
  readonly buildFile: string;
  readonly gatewayBuild: GatewayBuild;
  /** What Cloud Build extends it with. */
  readonly extendFile: string;
  readonly buildTopic: string;
  readonly buildServiceAccount: string | undefined;
  /** Who may ask for a reap, and the audience of their token: the reapIdle function's URL. */
  readonly reaper: { readonly url: string | undefined; readonly serviceAccount: string };
  /** Whether the owner is given the right to tunnel to the instance; elsewhere they have it already. */
  readonly grantsTunnels: boolean;
  readonly identity: {
    readonly certsUrl: string;
    readonly issuers: readonly string[];
    readonly audiences: readonly string[];
  };
  readonly instance: {
    readonly network: string;
    readonly subnetwork: string | undefined;
    readonly serviceAccount: string;
    readonly bootImage: string;
    readonly startupScriptFile: string;
  };
  readonly observeIntervalSeconds: number;
  readonly reportIntervalSeconds: number;
  /** How long a claimed step holds. */
  readonly claimSeconds: number;
  /** Bound of one call to Google; a third of a claim at most, so that a call fits into its claim. */
  readonly callSeconds: number;
  /** How long a claimed build holds: longer than a function may run, since Cloud Build has no request ids. */
  readonly buildClaimSeconds: number;
  readonly bootTimeoutSeconds: number;
  /** How long Cloud Logging may take to show an entry that it has received. */
  readonly logSettleSeconds: number;
  /** Undefined: all addresses, as Cloud Run needs it. */
  readonly listenAddress: string | undefined;
}

export interface TokenKeys {
  readonly currentVersion: number;
  readonly byVersion: ReadonlyMap<number, Buffer>;
}

const seconds = (fallback: number) => z.coerce.number().min(0.05).max(86_400).default(fallback);
const url = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/+$/, ''));
const origin = url.refine((text) => URL.canParse(text) && new URL(text).origin === text, {
  message: 'must be scheme, host and port only: the clients add the paths themselves',
});
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const tokenKeys = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      // Not with the text: it holds the keys.
      context.addIssue('must be JSON, {"<version>": "<base64url of 32 bytes>"}');
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string().regex(/^[1-9][0-9]{0,8}$/), z.base64url()))
  .transform((keys): TokenKeys => {
    const byVersion = new Map(
      Object.entries(keys).map(([version, key]) => [
        Number(version),
        Buffer.from(key, 'base64url'),
      ]),
    );
    return { byVersion, currentVersion: Math.max(0, ...byVersion.keys()) };
  })
  .refine(({ byVersion }) => byVersion.size > 0, 'needs at least one key')
  .refine(
    ({ byVersion }) => [...byVersion.values()].every((key) => key.length >= 32),
    'needs keys of at least 32 bytes',
  );

const environment = z.object({
  PROJECT_ID: z.string().min(1),
  ZONE: zoneName,
  API_URL: url,
  PROJECT_NUMBER: z
    .string()
    .regex(/^[0-9]+$/)
    .optional(),
  SESSION_STORE: z.enum(['sqlite', 'firestore']).default('sqlite'),
  SQLITE_FILE: z.string().min(1).optional(),
  FIRESTORE_DATABASE: z.string().min(1).default('(default)'),
  SESSION_TOKEN_KEYS: tokenKeys,
  COMPUTE_API_URL: origin.default('https://compute.googleapis.com'),
  CLOUD_BUILD_API_URL: origin.default('https://cloudbuild.googleapis.com'),
  LOGGING_API_URL: origin.default('https://logging.googleapis.com'),
  IAP_API_URL: origin.default('https://iap.googleapis.com'),
  REGISTRY_URL: origin.optional(),
  GATEWAY_IMAGE: z.string().min(1).optional(),
  AGENT_IMAGE: z.string().min(1).optional(),
  GATEWAY_BASE_IMAGE: baseImage.optional(),
  GATEWAY_PYPI: pypi.optional(),
  BUILD_FILE: z.string().min(1).optional(),
  EXTEND_FILE: z.string().min(1).optional(),
  BUILD_TOPIC: z
    .string()
    .regex(/^projects\/[^/]+\/topics\/[^/]+$/, 'must be projects/PROJECT/topics/TOPIC')
    .optional(),
  BUILD_SERVICE_ACCOUNT: z.email().optional(),
  BUILD_CLAIM_SECONDS: seconds(180),
  /** The longest time limit of the three functions: what one of them has begun is over by then. */
  FUNCTION_TIMEOUT_SECONDS: seconds(120),
  REAP_URL: url.optional(),
  SCHEDULER_SERVICE_ACCOUNT: z.email().optional(),
  TUNNEL_GRANT: z.enum(['owner', 'none']).default('owner'),
  /** The administrator's policy: JSON, see policy.ts. */
  POLICY_FILE: z.string().min(1).optional(),
  ID_TOKEN_CERTS_URL: url.default('https://www.googleapis.com/oauth2/v1/certs'),
  ID_TOKEN_ISSUERS: list.default(['accounts.google.com', 'https://accounts.google.com']),
  ACCEPTED_AUDIENCES: list.optional(),
  NETWORK: z.string().min(1).default('global/networks/default'),
  SUBNETWORK: z.string().min(1).optional(),
  KERNEL_SERVICE_ACCOUNT: z.email().optional(),
  BOOT_IMAGE: z.string().min(1).default('projects/cos-cloud/global/images/family/cos-stable'),
  MACHINE_TYPE: machineTypeName.default('e2-standard-4'),
  DISK_SIZE_GB: z.coerce.number().int().min(10).max(65_536).default(50),
  IDLE_TIMEOUT_SECONDS: z.coerce.number().int().min(60).max(5_184_000).default(1800),
  IDLE_ACTION: z.enum(IDLE_ACTIONS).default('suspend'),
  STARTUP_SCRIPT_FILE: z.string().min(1).optional(),
  OBSERVE_INTERVAL_SECONDS: seconds(2.5),
  REPORT_INTERVAL_SECONDS: seconds(30),
  CLAIM_SECONDS: seconds(120),
  BOOT_TIMEOUT_SECONDS: seconds(900),
  LOG_SETTLE_SECONDS: seconds(5),
  LISTEN_ADDRESS: z.union([z.ipv4(), z.ipv6()]).optional(),
});

/** What is installed beside the functions, unless the environment says otherwise. */
export interface Installed {
  startupScriptFile: string;
  buildFile: string;
  extendFile: string;
  readFile: (file: string) => string;
}

/** @throws AppError that names every setting at fault, those of the policy too */
export function parseConfig(
  env: Readonly<Record<string, string | undefined>>,
  installed: Installed,
): Config {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(present);
  const problems = parsed.success ? contradictionsIn(parsed.data) : problemsOf(parsed.error);
  const { policy, problems: inPolicy } = parsePolicy(present['POLICY_FILE'], installed.readFile);
  const outside = parsed.success ? outsideOf(policy, parsed.data) : [];
  const all = [...problems, ...inPolicy, ...outside];
  if (!parsed.success || all.length > 0) throw unusable(all);
  return Object.freeze(configOf(parsed.data, policy, installed));
}

function configOf(env: z.infer<typeof environment>, policy: Policy, installed: Installed): Config {
  const project = env.PROJECT_ID;
  const accountOf = (name: string) => `${name}@${project}.iam.gserviceaccount.com`;
  return {
    projectId: project,
    projectNumber: env.PROJECT_NUMBER,
    defaults: {
      zone: env.ZONE,
      machineType: env.MACHINE_TYPE,
      diskSizeGb: env.DISK_SIZE_GB,
      idleTimeoutSeconds: env.IDLE_TIMEOUT_SECONDS,
      idleAction: env.IDLE_ACTION,
    },
    policy,
    apiUrl: env.API_URL,
    store: storeOf(env),
    tokenKeys: env.SESSION_TOKEN_KEYS,
    computeUrl: env.COMPUTE_API_URL,
    buildUrl: env.CLOUD_BUILD_API_URL,
    loggingUrl: env.LOGGING_API_URL,
    iapUrl: env.IAP_API_URL,
    registryUrl: env.REGISTRY_URL,
    gatewayImage: env.GATEWAY_IMAGE ?? `gcr.io/${project}/datalab-gateway`,
    agentImage: env.AGENT_IMAGE ?? `gcr.io/${project}/datalab-agent`,
    buildFile: env.BUILD_FILE ?? installed.buildFile,
    gatewayBuild: { baseImage: env.GATEWAY_BASE_IMAGE, pypi: env.GATEWAY_PYPI },
    extendFile: env.EXTEND_FILE ?? installed.extendFile,
    buildTopic: env.BUILD_TOPIC ?? `projects/${project}/topics/cloud-builds`,
    buildServiceAccount: env.BUILD_SERVICE_ACCOUNT,
    reaper: {
      url: env.REAP_URL,
      serviceAccount: env.SCHEDULER_SERVICE_ACCOUNT ?? accountOf('datalab-scheduler'),
    },
    grantsTunnels: env.TUNNEL_GRANT === 'owner',
    identity: {
      certsUrl: env.ID_TOKEN_CERTS_URL,
      issuers: env.ID_TOKEN_ISSUERS,
      audiences: env.ACCEPTED_AUDIENCES ?? [GCLOUD_CLIENT, DEFAULT_CREDENTIALS_CLIENT, env.API_URL],
    },
    instance: {
      network: env.NETWORK,
      subnetwork: env.SUBNETWORK,
      serviceAccount: env.KERNEL_SERVICE_ACCOUNT ?? accountOf('datalab-kernels'),
      bootImage: env.BOOT_IMAGE,
      startupScriptFile: env.STARTUP_SCRIPT_FILE ?? installed.startupScriptFile,
    },
    observeIntervalSeconds: env.OBSERVE_INTERVAL_SECONDS,
    reportIntervalSeconds: env.REPORT_INTERVAL_SECONDS,
    claimSeconds: env.CLAIM_SECONDS,
    callSeconds: Math.min(10, env.CLAIM_SECONDS / 3),
    buildClaimSeconds: env.BUILD_CLAIM_SECONDS,
    bootTimeoutSeconds: env.BOOT_TIMEOUT_SECONDS,
    logSettleSeconds: env.LOG_SETTLE_SECONDS,
    listenAddress: env.LISTEN_ADDRESS,
  };
}

function storeOf(env: z.infer<typeof environment>): Config['store'] {
  return env.SESSION_STORE === 'sqlite'
    ? { kind: 'sqlite', file: env.SQLITE_FILE ?? '' }
    : { kind: 'firestore', database: env.FIRESTORE_DATABASE };
}

function contradictionsIn(env: z.infer<typeof environment>): string[] {
  const problems: string[] = [];
  if (env.SESSION_STORE === 'sqlite' && env.SQLITE_FILE === undefined) {
    problems.push('SQLITE_FILE: is needed, unless SESSION_STORE is firestore');
  }
  if (env.BUILD_CLAIM_SECONDS <= env.FUNCTION_TIMEOUT_SECONDS) {
    const limit = env.FUNCTION_TIMEOUT_SECONDS;
    problems.push(
      `BUILD_CLAIM_SECONDS: must be more than FUNCTION_TIMEOUT_SECONDS, which is ${limit}`,
    );
  }
  return problems;
}

/** Who asks for nothing gets the defaults: they must not be a way around the policy. */
function outsideOf(policy: Policy, env: z.infer<typeof environment>): string[] {
  const settings = { zone: 'ZONE', machineType: 'MACHINE_TYPE', diskSizeGb: 'DISK_SIZE_GB' };
  const { ZONE: zone, MACHINE_TYPE: machineType, DISK_SIZE_GB: diskSizeGb } = env;
  const found = violationsOf({ name: 'default', zone, machineType, diskSizeGb }, policy);
  const settingOf = new Map(Object.entries(settings));
  return found.map(({ field, description }) => `${settingOf.get(field) ?? field}: ${description}`);
}

function problemsOf(error: z.ZodError): string[] {
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

function unusable(problems: readonly string[]): AppError {
  const lines = problems.map((problem) => `  ${problem}`);
  return new AppError(
    'FAILED_PRECONDITION',
    `The environment of the backend cannot be used:\n${lines.join('\n')}`,
  );
}
