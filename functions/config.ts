// Environment -> frozen Config, once, in the entry point. Every problem is reported at once.
import { z } from 'zod';
import { AppError } from './errors.ts';
import { machineTypeName, zoneName } from './contract.ts';

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
  };
  /** Public URL of the api function; also the audience of instances' identity tokens. */
  readonly apiUrl: string;
  readonly sqliteFile: string;
  readonly tokenKeys: TokenKeys;
  readonly computeUrl: string;
  /** Undefined: the host in the image's name. */
  readonly registryUrl: string | undefined;
  readonly gatewayImage: string;
  readonly agentImage: string;
  readonly identity: {
    readonly certsUrl: string;
    readonly issuers: readonly string[];
    readonly audiences: readonly string[];
    /** E-mails in lower case. */
    readonly administrators: readonly string[];
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
  readonly bootTimeoutSeconds: number;
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
  SESSION_STORE: z.literal('sqlite').default('sqlite'),
  SQLITE_FILE: z.string().min(1),
  SESSION_TOKEN_KEYS: tokenKeys,
  COMPUTE_API_URL: origin.default('https://compute.googleapis.com'),
  REGISTRY_URL: origin.optional(),
  GATEWAY_IMAGE: z.string().min(1).optional(),
  AGENT_IMAGE: z.string().min(1).optional(),
  ID_TOKEN_CERTS_URL: url.default('https://www.googleapis.com/oauth2/v1/certs'),
  ID_TOKEN_ISSUERS: list.default(['accounts.google.com', 'https://accounts.google.com']),
  ACCEPTED_AUDIENCES: list.optional(),
  ADMINISTRATORS: list.default([]),
  NETWORK: z.string().min(1).default('global/networks/default'),
  SUBNETWORK: z.string().min(1).optional(),
  KERNEL_SERVICE_ACCOUNT: z.email().optional(),
  BOOT_IMAGE: z.string().min(1).default('projects/cos-cloud/global/images/family/cos-stable'),
  MACHINE_TYPE: machineTypeName.default('e2-standard-4'),
  DISK_SIZE_GB: z.coerce.number().int().min(10).max(65_536).default(50),
  STARTUP_SCRIPT_FILE: z.string().min(1).optional(),
  OBSERVE_INTERVAL_SECONDS: seconds(2.5),
  REPORT_INTERVAL_SECONDS: seconds(30),
  CLAIM_SECONDS: seconds(120),
  BOOT_TIMEOUT_SECONDS: seconds(900),
  LISTEN_ADDRESS: z.union([z.ipv4(), z.ipv6()]).optional(),
});

/**
 * @param startupScriptFile where the installed startup script is, unless the environment says otherwise
 * @throws AppError that names every setting at fault
 */
export function parseConfig(
  env: Readonly<Record<string, string | undefined>>,
  startupScriptFile: string,
): Config {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(present);
  if (!parsed.success) throw unusable(parsed.error);
  return Object.freeze(configOf(parsed.data, startupScriptFile));
}

function configOf(env: z.infer<typeof environment>, startupScriptFile: string): Config {
  const project = env.PROJECT_ID;
  return {
    projectId: project,
    defaults: { zone: env.ZONE, machineType: env.MACHINE_TYPE, diskSizeGb: env.DISK_SIZE_GB },
    apiUrl: env.API_URL,
    sqliteFile: env.SQLITE_FILE,
    tokenKeys: env.SESSION_TOKEN_KEYS,
    computeUrl: env.COMPUTE_API_URL,
    registryUrl: env.REGISTRY_URL,
    gatewayImage: env.GATEWAY_IMAGE ?? `gcr.io/${project}/datalab-gateway`,
    agentImage: env.AGENT_IMAGE ?? `gcr.io/${project}/datalab-agent`,
    identity: {
      certsUrl: env.ID_TOKEN_CERTS_URL,
      issuers: env.ID_TOKEN_ISSUERS,
      audiences: env.ACCEPTED_AUDIENCES ?? [GCLOUD_CLIENT, DEFAULT_CREDENTIALS_CLIENT, env.API_URL],
      administrators: env.ADMINISTRATORS.map((email) => email.toLowerCase()),
    },
    instance: {
      network: env.NETWORK,
      subnetwork: env.SUBNETWORK,
      serviceAccount:
        env.KERNEL_SERVICE_ACCOUNT ?? `datalab-kernels@${project}.iam.gserviceaccount.com`,
      bootImage: env.BOOT_IMAGE,
      startupScriptFile: env.STARTUP_SCRIPT_FILE ?? startupScriptFile,
    },
    observeIntervalSeconds: env.OBSERVE_INTERVAL_SECONDS,
    reportIntervalSeconds: env.REPORT_INTERVAL_SECONDS,
    claimSeconds: env.CLAIM_SECONDS,
    callSeconds: Math.min(10, env.CLAIM_SECONDS / 3),
    bootTimeoutSeconds: env.BOOT_TIMEOUT_SECONDS,
    listenAddress: env.LISTEN_ADDRESS,
  };
}

function unusable(error: z.ZodError): AppError {
  const problems = error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`);
  return new AppError(
    'FAILED_PRECONDITION',
    `The environment of the backend cannot be used:\n${problems.join('\n')}`,
  );
}
