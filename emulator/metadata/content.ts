// What the metadata servers say: of an instance, and of the functions (whose server is on the main port).
import { createHash } from 'node:crypto';
import { regionOf } from '../compute/catalog.ts';
import type { InstanceRecord } from '../compute/state.ts';
import { serviceAccountIdentity } from '../oidc/service-account.ts';
import { TOKEN_SECONDS } from '../oidc/state.ts';
import { CLOUD_PLATFORM, type Tokens } from '../oidc/tokens.ts';
import {
  attributes,
  folder,
  list,
  metadataRoot,
  serviceAccounts,
  value,
  type MetadataNode,
  type ServiceAccount,
} from './tree.ts';

export interface Project {
  id: string;
  number: string;
  zone: string;
}

/** vm-startup.sh publishes the gateway there, so that instances can share a machine. */
const GATEWAY_ADDRESS = 'datalab-gateway-address';

export function instanceContent(
  { zone, preempted = false, resource }: InstanceRecord,
  project: Project,
  tokens: Tokens,
): MetadataNode {
  const { name, id } = resource;
  const address = resource.networkInterfaces[0]?.networkIP ?? '';
  const items = Object.fromEntries(
    (resource.metadata.items ?? []).map((item) => [item.key, item.value]),
  );
  const machineType = resource.machineType.split('/').at(-1) ?? '';
  const claims = {
    google: {
      compute_engine: {
        project_id: project.id,
        project_number: Number(project.number),
        zone,
        instance_id: id,
        instance_name: name,
        instance_creation_timestamp: Math.floor(Date.parse(resource.creationTimestamp) / 1000),
      },
    },
  };
  const accounts = (resource.serviceAccounts ?? []).map(({ email, scopes }) =>
    serviceAccount(email, scopes, claims, tokens),
  );
  return root(project, {
    attributes: attributes({ [GATEWAY_ADDRESS]: address, ...items }),
    'cpu-platform': value('Intel Broadwell'),
    description: value(typeof resource['description'] === 'string' ? resource['description'] : ''),
    disks: list([disk()]),
    hostname: value(`${name}.${zone}.c.${project.id}.internal`),
    id: { kind: 'bigNumber', digits: id },
    'machine-type': value(`projects/${project.number}/machineTypes/${machineType}`),
    'maintenance-event': value('NONE'),
    name: value(name),
    'network-interfaces': list([networkInterface(address, project)]),
    preempted: value(truth(preempted)),
    scheduling: folder({
      'automatic-restart': value(truth(resource.scheduling.automaticRestart)),
      'on-host-maintenance': value(resource.scheduling.onHostMaintenance),
      preemptible: value(truth(resource.scheduling.preemptible)),
    }),
    'service-accounts': serviceAccounts(accounts),
    tags: value(JSON.stringify(resource.tags.items ?? [])),
    zone: value(`projects/${project.number}/zones/${zone}`),
  });
}

function truth(content: boolean): string {
  return content ? 'TRUE' : 'FALSE';
}

export function functionsAccount(project: string): string {
  return `datalab-backend@${project}.iam.gserviceaccount.com`;
}

export function functionsContent(project: Project, tokens: Tokens): MetadataNode {
  const account = serviceAccount(functionsAccount(project.id), [CLOUD_PLATFORM], {}, tokens);
  return root(project, {
    id: value(createHash('sha256').update(project.id).digest('hex')),
    region: value(`projects/${project.number}/regions/${regionOf(project.zone)}`),
    'service-accounts': serviceAccounts([account]),
    zone: value(`projects/${project.number}/zones/${project.zone}`),
  });
}

function root(project: Project, instance: Record<string, MetadataNode>): MetadataNode {
  return metadataRoot({ id: project.id, number: project.number, attributes: {} }, instance);
}

function serviceAccount(
  email: string,
  scopes: readonly string[],
  fullClaims: Record<string, unknown>,
  tokens: Tokens,
): ServiceAccount {
  const { subject } = serviceAccountIdentity(email);
  return {
    email,
    scopes,
    issueAccessToken: (wanted) => ({
      token: tokens.issueAccessToken({ email, subject }, wanted.join(' ')),
      seconds: TOKEN_SECONDS - 1,
    }),
    issueIdToken: (audience, full) =>
      tokens.issueIdToken({
        aud: audience,
        azp: subject,
        sub: subject,
        email,
        email_verified: true,
        ...(full ? fullClaims : {}),
      }),
  };
}

function networkInterface(address: string, project: Project): MetadataNode {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return folder({
    'access-configs': list([]),
    'dns-servers': value('169.254.169.254'),
    'forwarded-ips': folder({}),
    gateway: value('127.0.0.1'),
    ip: value(address),
    'ip-aliases': list([]),
    mac: value(`42:01:${bytes.join(':')}`),
    mtu: value(1460),
    network: value(`projects/${project.number}/networks/default`),
    subnetmask: value('255.0.0.0'),
  });
}

function disk(): MetadataNode {
  return folder({
    'device-name': value('persistent-disk-0'),
    index: value(0),
    interface: value('SCSI'),
    mode: value('READ_WRITE'),
    type: value('PERSISTENT-BALANCED'),
  });
}
