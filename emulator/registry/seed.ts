// The images that an installed backend has from the start. Their digests follow what they would be built from.
import type { RegistryState } from './state.ts';
import { createTar } from './tar.ts';

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';

export interface SeedOptions {
  project: string;
  repositoryRoot: string;
  /** Without it the project has no gateway image until somebody builds or pushes one. */
  hasGateway: boolean;
}

export function seedImages(
  state: RegistryState,
  { project, repositoryRoot, hasGateway }: SeedOptions,
): void {
  // What is built has the contract in the agent's own file.
  const agent = createTar(repositoryRoot, ['agent', 'docker/agent', 'functions/contract.ts']);
  push(state, `${project}/datalab-agent`, agent);
  const gateway = `${project}/datalab-gateway`;
  // An image that is there may be a built one, or somebody's own: it is never overwritten.
  if (!hasGateway || isKept(state, gateway)) return;
  push(state, gateway, createTar(repositoryRoot, ['docker/gateway']));
}

/** Built, pushed, or deleted on purpose; what an earlier version of this program seeded is replaced. */
function isKept(state: RegistryState, name: string): boolean {
  if (!state.hasRepository(name)) return false;
  const current = state.readManifest(name, 'latest');
  return current?.mediaType !== MANIFEST_TYPE || !current.content.includes(SEED_MARK);
}

const SEED_MARK = '"datalab.emulator":"seed"';

/** One layer, one tag. */
function push(state: RegistryState, name: string, layer: Buffer): void {
  const layerDigest = state.writeBlob(layer);
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [layerDigest] },
      history: [],
    }),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: state.writeBlob(config), size: config.length },
    layers: [{ mediaType: LAYER_TYPE, digest: layerDigest, size: layer.length }],
    annotations: { 'datalab.emulator': 'seed' },
  };
  state.putManifest(name, 'latest', Buffer.from(JSON.stringify(manifest)), MANIFEST_TYPE);
}
