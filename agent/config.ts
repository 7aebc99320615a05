// The agent's settings: environment -> Config, with every problem named at once. bin.ts calls it, everything else
// is handed the result.
import { z } from 'zod';

const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .transform((url) => url.replace(/\/+$/, ''));

const MIB = 1_048_576;

const environment = z.object({
  AGENT_ADDRESS: z.string().min(1),
  AGENT_PORT: z.coerce.number().int().min(0).max(65_535).default(8888),
  GATEWAY_URL: httpUrl,
  GATEWAY_TOKEN_FILE: z.string().min(1),
  AGENT_STATE_DIR: z.string().min(1).default('/var/lib/datalab-agent'),
  AGENT_LOG_BYTES: z.coerce
    .number()
    .int()
    .min(64 * MIB)
    .default(4096 * MIB),
});

const ofSession = z.object({
  API_URL: httpUrl,
  SESSION_ID: z.string().regex(/^[a-z][a-z0-9]{0,62}$/, 'must be a session id'),
  GCE_METADATA_HOST: z.string().min(1).default('metadata.google.internal'),
});

const ofOwner = z.object({
  ACCESS_TOKEN_FILE: z.string().min(1),
  IDLE_SECONDS: z.coerce.number().int().min(60).optional(),
});

/** On an instance of a session, which the backend cares for. */
export interface SessionRole {
  readonly kind: 'session';
  readonly apiUrl: string;
  readonly sessionId: string;
  readonly metadataHost: string;
}

/** On somebody's own machine, without a backend: see owner.ts. */
export interface OwnerRole {
  readonly kind: 'owner';
  /** What front-ends must bear. */
  readonly accessTokenFile: string;
  /** When kernels that do nothing are ended; undefined: never. */
  readonly idleSeconds: number | undefined;
}

export interface Config {
  readonly address: string;
  readonly port: number;
  readonly gatewayUrl: string;
  readonly gatewayTokenFile: string;
  /** Where the kernels' logs are; lost with the machine's disk, as the kernels are. */
  readonly stateDir: string;
  /** What each kernel's log may take of the disk. */
  readonly logBytes: number;
  readonly role: SessionRole | OwnerRole;
}

/** @throws Error that names every variable at fault. */
export function parseConfig(variables: Record<string, string | undefined>): Config {
  const filled = Object.entries(variables).filter(([, value]) => value !== '');
  const given = Object.fromEntries(filled);
  const result = environment.safeParse(given);
  const role = parseRole(given);
  const issues = [...(result.error?.issues ?? []), ...('issues' in role ? role.issues : [])];
  if (!result.success || 'issues' in role) {
    const problems = issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`The agent's environment is not complete:\n  ${problems.join('\n  ')}`);
  }
  const { data } = result;
  return Object.freeze({
    address: data.AGENT_ADDRESS,
    port: data.AGENT_PORT,
    gatewayUrl: data.GATEWAY_URL,
    gatewayTokenFile: data.GATEWAY_TOKEN_FILE,
    stateDir: data.AGENT_STATE_DIR,
    logBytes: data.AGENT_LOG_BYTES,
    role: Object.freeze(role),
  });
}

type Issues = Pick<z.core.$ZodIssue, 'path' | 'message'>[];

/** A token of its own says that there is no backend; both at once would be two masters. */
function parseRole(
  given: Record<string, string | undefined>,
): SessionRole | OwnerRole | { issues: Issues } {
  if (given['ACCESS_TOKEN_FILE'] === undefined) {
    const { data, error } = ofSession.safeParse(given);
    if (error) return { issues: error.issues };
    const { API_URL: apiUrl, SESSION_ID: sessionId, GCE_METADATA_HOST: metadataHost } = data;
    return { kind: 'session', apiUrl, sessionId, metadataHost };
  }
  const { data, error } = ofOwner.safeParse(given);
  if (error) return { issues: error.issues };
  const message = 'not beside ACCESS_TOKEN_FILE: the backend gives the token';
  if (given['API_URL'] !== undefined) return { issues: [{ path: ['API_URL'], message }] };
  const { ACCESS_TOKEN_FILE: accessTokenFile, IDLE_SECONDS: idleSeconds } = data;
  return { kind: 'owner', accessTokenFile, idleSeconds };
}
