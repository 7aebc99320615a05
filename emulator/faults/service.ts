// Which Google service a call is for, told by its path: all of them share one port here.

export const SERVICES = [
  'compute',
  'cloudbuild',
  'pubsub',
  'logging',
  'iap',
  'registry',
  'oidc',
  'metadata',
  'scheduler',
] as const;
export type Service = (typeof SERVICES)[number];

/** In the order in which they are tried. */
const PATHS: readonly (readonly [RegExp, Service])[] = [
  [/^\/(compute|batch\/compute)\//, 'compute'],
  [/^\/v2\/entries:/, 'logging'],
  [/^\/v2(\/|$)/, 'registry'],
  [/^\/(token|tokeninfo|oauth2\/)/, 'oidc'],
  [/^\/(computeMetadata(\/|$)|$)/, 'metadata'],
  [/^\/v4\/(connect|reconnect)$/, 'iap'],
  [/^\/v1\/projects\/[^/]+\/iap_tunnel\//, 'iap'],
  [/^\/v1\/projects\/[^/]+\/(topics|subscriptions|snapshots|schemas)/, 'pubsub'],
  [/^\/v1\/projects\/[^/]+\/locations\/[^/]+\/jobs/, 'scheduler'],
  [/^\/v1\/(projects\/[^/]+\/)?(locations\/[^/]+\/)?(builds|operations|triggers)/, 'cloudbuild'],
  [/^\/v1\/projects\/[^/]+\/locations\/[^/]+\/(builds|operations|triggers)/, 'cloudbuild'],
];

/** Undefined for what is no Google service: the control API, paths that nobody knows. */
export function serviceOf(path: string): Service | undefined {
  return PATHS.find(([pattern]) => pattern.test(path))?.[1];
}
