// What a team lead may say of how the gateway image is built: config.ts reads it, google/build-file.ts tells it to Cloud Build.
import { z } from 'zod';

export interface GatewayBuild {
  /** What the image begins with; undefined: what the build file says, as of the other. */
  readonly baseImage: string | undefined;
  /** Where its Python packages come from: `none`, `default` (pip's own place) or the address of a mirror. */
  readonly pypi: string | undefined;
}

export const baseImage = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._:/-]*(@sha256:[0-9a-f]{64})?$/,
    'must be the name of an image, such as debian:trixie-slim',
  );

const ADDRESS = /^https?:\/\/[A-Za-z0-9][A-Za-z0-9.:-]*(\/[A-Za-z0-9._~%/+-]*)?$/;

/** Build arguments can be read in the image's history: nothing secret can be in one. */
export const pypi = z
  .string()
  .refine((text) => text === 'none' || text === 'default' || ADDRESS.test(text), {
    message:
      'must be none, default, or the http(s) address of a package index, without user, password or query',
  });
