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
  API_URL: httpUrl,
  SESSION_ID: z.string().regex(/^[a-z][a-z0-9]{0,62}$/, 'must be a session id'),
  GCE_METADATA_HOST: z.string().min(1).default('metadata.google.internal'),
});

export interface Config {
  readonly address: string;
  readonly port: number;
  readonly gatewayUrl: string;
  readonly gatewayTokenFile: string;
  /** Where the kernels' logs are; lost with the machine's disk, as the kernels are. */
  readonly stateDir: string;
  /** What each kernel's log may take of the disk. */
  readonly logBytes: number;
  readonly apiUrl: string;
  readonly sessionId: string;
  readonly metadataHost: string;
}

/** @throws Error that names every variable at fault. */
export function parseConfig(variables: Record<string, string | undefined>): Config {
  const given = Object.entries(variables).filter(([, value]) => value !== '');
  const result = environment.safeParse(Object.fromEntries(given));
  if (!result.success) {
    const problems = result.error.issues.map(
      (issue) => `${issue.path.join('.')}: ${issue.message}`,
    );
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
    apiUrl: data.API_URL,
    sessionId: data.SESSION_ID,
    metadataHost: data.GCE_METADATA_HOST,
  });
}
