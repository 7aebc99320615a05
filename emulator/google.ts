// All emulated Google APIs behind one port: opens their state, makes their routes, answers on the front door.
import path from 'node:path';
import type { ReadyEvent } from './attachment.ts';
import { createCloudBuild } from './cloudbuild/cloudbuild.ts';
import { createBatchRoute } from './compute/batch.ts';
import { regionOf } from './compute/catalog.ts';
import { createCompute } from './compute/compute.ts';
import { createControlRoutes } from './control/routes.ts';
import { Faults } from './faults/faults.ts';
import { upgradeWithFaults, withFaults } from './faults/inject.ts';
import { openFrontDoor } from './front-door.ts';
import { openPolicies } from './iap/policies.ts';
import { createPolicyRoutes } from './iap/policy-routes.ts';
import { createIapServer } from './iap/server.ts';
import { logContainers } from './logging/cos-containers.ts';
import { openLogEntries } from './logging/entries.ts';
import { createLoggingRoutes } from './logging/routes.ts';
import { functionsContent, instanceContent, type Project } from './metadata/content.ts';
import { answerMetadata } from './metadata/routes.ts';
import { createCertificate } from './oidc/certificate.ts';
import { createOidcRoutes } from './oidc/routes.ts';
import { openOidcState, writeCredentialFile, type OidcState } from './oidc/state.ts';
import { serviceAccountIdentity } from './oidc/service-account.ts';
import { CLOUD_PLATFORM, createTokens, type Tokens } from './oidc/tokens.ts';
import type { EmulatorSettings } from './options.ts';
import { createRegistryRoutes } from './registry/routes.ts';
import { isUpload } from './registry/push-routes.ts';
import { createPubsub, type Pubsub } from './pubsub/pubsub.ts';
import { createPubsubRoutes } from './pubsub/routes.ts';
import { seedImages } from './registry/seed.ts';
import { openRegistryState } from './registry/state.ts';
import { openUploads } from './registry/uploads.ts';
import { createRouter, type Call, type Dispatch, type Log, type Route } from './router.ts';
import { createSchedulerRoutes } from './scheduler/routes.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { schedulerAccount } from './scheduler/state.ts';
import type { Settings } from './settings.ts';
import type { StateFile } from './state.ts';

/** Where each function of functions/index.ts listens. */
export type FunctionUrls = Pick<ReadyEvent['urls'], 'api' | 'onBuildFinished' | 'reapIdle'>;

export interface GoogleOptions {
  options: EmulatorSettings;
  settings: StateFile<Settings>;
  repositoryRoot: string;
  functionUrls: FunctionUrls;
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
  /** An access token of who installed the backend. */
  readonly deployerToken: string;
  /** Whether the registry has a manifest or a configuration of that digest. */
  hasImage(digest: string): boolean;
  /** Subscribe functions here, before `recover`. */
  readonly pubsub: Pubsub;
  recover(): void;
  /** From now on the scheduler's job runs by itself. */
  startScheduler(): void;
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
  // With an engine images are real ones.
  if (!options.engine) {
    const hasGateway = options.seedGateway;
    seedImages(registry, { project: project.id, repositoryRoot, hasGateway });
  }
  const place = { project: project.id, zone: project.zone, stateDir };
  const credentials = path.join(stateDir, 'credentials.json');
  // Known once the port is; whoever needs it asks later.
  let url = '';
  const urls = () => urlsOf(url, given.functionUrls);
  const faults = new Faults();
  const entries = openLogEntries(stateDir, clock);
  const compute = createCompute({
    ...options,
    project,
    tokens,
    registryUrl: () => url,
    metadataTree: (instance) => instanceContent(instance, project, tokens),
    aroundMetadata: (answer) => withFaults(answer, faults, clock),
    onOutput: logContainers(project.id, entries),
  });
  const policies = openPolicies({
    stateDir,
    instanceIds: () => compute.ids(),
    userExists: (email) => oidc.findUser(email) !== undefined,
  });
  const location = regionOf(project.zone);
  const scheduler = new Scheduler({
    stateDir,
    spec: {
      project: project.id,
      location,
      uri: given.functionUrls.reapIdle,
      serviceAccount: schedulerAccount(project.id),
      audience: given.functionUrls.reapIdle,
    },
    tokens,
    clock,
    log,
    intervalMilliseconds: durations.schedulerMilliseconds,
  });
  const pubsub = createPubsub({
    ...options,
    project,
    tokens,
    fate: (_, topic) => faults.fateOfMessage(topic),
  });
  // An installed backend has it; Cloud Build would not make it.
  pubsub.ensureTopic(`projects/${project.id}/topics/cloud-builds`);
  const cloudBuild = createCloudBuild({
    ...options,
    project,
    tokens,
    entries,
    pubsub,
    registryUrl: () => url,
  });
  const iap = createIapServer({
    project: project.id,
    tokens,
    clock,
    log,
    reconnectMilliseconds: durations.tunnelReconnectMilliseconds,
    mayTunnel: (email, { zone, instance, port }) => {
      const id = compute.findId(zone, instance);
      return id !== undefined && policies.allows(id, email, port);
    },
    reach: (zone, instance) => compute.reach(zone, instance),
  });
  const router = createRouter(
    [
      ...compute.routes,
      createBatchRoute((call) => dispatch(call)),
      ...createRegistryRoutes({
        project: project.id,
        state: registry,
        uploads: openUploads(stateDir),
        tokens,
        url: () => url,
      }),
      ...cloudBuild.routes,
      ...createLoggingRoutes({ project, entries, tokens, clock }),
      ...createPubsubRoutes({ project, pubsub, tokens }),
      ...createOidcRoutes({ state: oidc, tokens, clock, tokenUri: () => `${url}/token` }),
      ...createPolicyRoutes({
        project,
        tokens,
        policies,
        findInstanceId: (zone, name) => compute.findId(zone, name),
      }),
      ...createSchedulerRoutes({ project, location, tokens, scheduler }),
      ...metadataRoutes(project, tokens, log),
      ...createControlRoutes({
        stateDir,
        project: project.id,
        oidc,
        firstUser: FIRST_USER,
        credentialsFile: credentials,
        faults,
        tokenUri: () => `${url}/token`,
        info: () => ({ ...place, credentials, urls: urls(), ...given.info() }),
        instances: () => compute.describe(),
        preempt: (name) => compute.preempt(name),
        kill: (name) => compute.kill(name),
        end: given.end,
      }),
    ],
    log,
  );
  const dispatch: Dispatch = withFaults(router, faults, clock);
  const preferred = options.port ?? settings.value.port;
  const door = await openFrontDoor(
    {
      dispatch,
      isStreamed: isUpload,
      upgrade: (request, socket, head) => {
        const open = () => {
          iap.upgrade(request, socket, head);
        };
        void upgradeWithFaults(request, socket, open, faults, clock);
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
    deployerToken: tokens.issueAccessToken(
      serviceAccountIdentity(`datalab-deploy@${project.id}.iam.gserviceaccount.com`),
      CLOUD_PLATFORM,
    ),
    hasImage: (digest) => registry.findBlob(digest) !== undefined,
    pubsub,
    recover: () => {
      compute.recover();
      cloudBuild.recover();
    },
    startScheduler: () => {
      scheduler.start();
    },
    close: async () => {
      iap.close();
      faults.end();
      pubsub.close();
      await Promise.all([scheduler.end(), compute.cutPower(), cloudBuild.cutPower()]);
      await door.close();
    },
  };
}

function urlsOf(url: string, functionUrls: FunctionUrls): ReadyEvent['urls'] {
  return {
    ...functionUrls,
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
