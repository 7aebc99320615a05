// All emulated Google APIs behind one port: opens their state, makes their routes, answers on the front door.
import path from 'node:path';
import type { ReadyEvent } from './attachment.ts';
import { createBatchRoute } from './compute/batch.ts';
import { createCompute } from './compute/compute.ts';
import { createControlRoutes } from './control/routes.ts';
import { openFrontDoor } from './front-door.ts';
import { createIapServer } from './iap/server.ts';
import { functionsContent, instanceContent, type Project } from './metadata/content.ts';
import { answerMetadata } from './metadata/routes.ts';
import { createCertificate } from './oidc/certificate.ts';
import { createOidcRoutes } from './oidc/routes.ts';
import { openOidcState, writeCredentialFile, type OidcState } from './oidc/state.ts';
import { createTokens, type Tokens } from './oidc/tokens.ts';
import type { EmulatorSettings } from './options.ts';
import { createRegistryRoutes } from './registry/routes.ts';
import { openRegistryState, seedImages } from './registry/state.ts';
import { createRouter, type Call, type Dispatch, type Log, type Route } from './router.ts';
import type { Settings } from './settings.ts';
import type { StateFile } from './state.ts';

export interface GoogleOptions {
  options: EmulatorSettings;
  settings: StateFile<Settings>;
  repositoryRoot: string;
  apiUrl: string;
  /** What GET /control answers beside what is known here. */
  info: () => object;
  /** Asked for by POST /control/end. */
  end: () => void;
}

export interface Google {
  readonly port: number;
  /** http://127.0.0.1:PORT */
  readonly url: string;
  readonly urls: ReadyEvent['urls'];
  /** The credential file of the first user. */
  readonly credentials: string;
  recover(): void;
  close(): Promise<void>;
}

/** Who works with the emulator unless told otherwise. */
const FIRST_USER = 'you@example.com';
const YEAR_MILLISECONDS = 365 * 86_400_000;

export async function openGoogle(given: GoogleOptions): Promise<Google> {
  const { options, settings, repositoryRoot } = given;
  const { stateDir, clock, durations, log } = options;
  const project: Project = {
    id: options.project,
    number: settings.value.projectNumber,
    zone: options.zone,
  };
  const oidc = openOidcState(stateDir);
  const tokens = createTokens(oidc, clock);
  const registry = openRegistryState(stateDir);
  seedImages(registry, project.id, repositoryRoot);
  const place = { project: project.id, zone: project.zone, stateDir };
  const credentials = path.join(stateDir, 'credentials.json');
  // Known once the port is; whoever needs it asks later.
  let url = '';
  const urls = () => urlsOf(url, given.apiUrl);
  const compute = createCompute({
    ...options,
    project,
    tokens,
    registryUrl: () => url,
    metadataTree: (instance) => instanceContent(instance, project, tokens),
  });
  const iap = createIapServer({
    project: project.id,
    tokens,
    clock,
    log,
    reconnectMilliseconds: durations.tunnelReconnectMilliseconds,
    mayTunnel: (email) => oidc.findUser(email) !== undefined,
    reach: (zone, instance) => compute.reach(zone, instance),
  });
  const dispatch: Dispatch = createRouter(
    [
      ...compute.routes,
      createBatchRoute((call) => dispatch(call)),
      ...createRegistryRoutes(registry, tokens, () => url),
      ...createOidcRoutes(oidc, tokens, clock),
      ...metadataRoutes(project, tokens, log),
      ...createControlRoutes({
        stateDir,
        oidc,
        tokenUri: () => `${url}/token`,
        info: () => ({ ...place, credentials, urls: urls(), ...given.info() }),
        instances: () => compute.describe(),
        end: given.end,
      }),
    ],
    log,
  );
  const preferred = options.port ?? settings.value.port;
  const door = await openFrontDoor(
    {
      dispatch,
      upgrade: (request, socket, head) => {
        iap.upgrade(request, socket, head);
      },
      tls: () => tlsIdentity(oidc, clock.now()),
    },
    preferred,
    options.port !== undefined,
  );
  url = `http://127.0.0.1:${door.port}`;
  const { clientSecret } = oidc;
  const user = oidc.ensureUser(FIRST_USER);
  writeCredentialFile(credentials, user, { clientSecret, tokenUri: `${url}/token` });
  return {
    port: door.port,
    url,
    urls: urls(),
    credentials,
    recover: () => {
      compute.recover();
    },
    close: async () => {
      iap.close();
      await compute.cutPower();
      await door.close();
    },
  };
}

function urlsOf(url: string, api: string): ReadyEvent['urls'] {
  return {
    api,
    compute: `${url}/compute/v1`,
    registry: url,
    iap: `${url.replace('http:', 'ws:')}/v4`,
    oidc: url,
    control: `${url}/control`,
  };
}

/** The functions' metadata server; instances have one each, on their own addresses. */
function metadataRoutes(project: Project, tokens: Tokens, log: Log): Route[] {
  const handle = (call: Call) => answerMetadata(call, () => functionsContent(project, tokens), log);
  return ['GET', 'HEAD', 'POST', 'PUT'].map((method) => ({
    method,
    path: '/computeMetadata/*rest',
    handle,
  }));
}

function tlsIdentity(oidc: OidcState, now: number) {
  const certificate = createCertificate({
    commonName: 'datalab emulator',
    privateKey: oidc.privateKey,
    notBefore: new Date(now - 86_400_000),
    notAfter: new Date(now + YEAR_MILLISECONDS),
    addresses: ['127.0.0.1'],
  });
  return { key: oidc.privateKey, certificate };
}
