// Reads the bodies of the control API.
import type { z } from 'zod';
import { GoogleError } from '../google-error.ts';
import type { Call } from '../router.ts';

/** @throws GoogleError that names what is wrong */
export function readBody<T>({ body }: Call, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join('.') || 'the body'}: ${message}`,
  );
  throw new GoogleError(400, 'invalid', problems.join('; '));
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
