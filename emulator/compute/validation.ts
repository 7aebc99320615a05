// Checks of values, with Google's words for what is wrong with them and the field named.
import { invalidValue, required } from '../google-error.ts';

export const NAME_PATTERN = '[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?';

export function checkName(field: string, name: string | undefined): string {
  if (name === undefined || name === '') throw required(field);
  if (new RegExp(`^${NAME_PATTERN}$`).test(name)) return name;
  throw invalidValue(field, name, `Must be a match of regex '(?:${NAME_PATTERN})'`);
}

const RULES =
  'only contain lowercase letters, numeric characters, underscores and dashes. The %s can be at most 63 characters long.';

/** https://cloud.google.com/compute/docs/labeling-resources#requirements */
export function checkLabels(field: string, given: Record<string, string>): void {
  if (Object.keys(given).length > 64) {
    throw invalidValue(field, '', 'A resource can have at most 64 labels.');
  }
  for (const [key, content] of Object.entries(given)) {
    const rule = (what: string) => RULES.replace('%s', what);
    if (!/^\p{Ll}[\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u.test(key)) {
      const why = `The key must start with a lowercase character, can ${rule('key')}`;
      throw invalidValue(field, '', `Label key '${key}' violates format constraints. ${why}`);
    }
    if (!/^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u.test(content)) {
      const why = `The value can ${rule('value')}`;
      throw invalidValue(field, '', `Label value '${content}' violates format constraints. ${why}`);
    }
  }
}

const MAX_VALUE_BYTES = 262_144;
const MAX_METADATA_BYTES = 524_288;

export function checkMetadata(
  field: string,
  items: readonly { key: string; value: string }[],
): void {
  const seen = new Set<string>();
  let total = 0;
  for (const { key, value } of items) {
    if (!/^[a-zA-Z0-9-_]{1,128}$/.test(key)) {
      throw invalidValue(
        `${field}.items.key`,
        key,
        "Must be a match of regex '[a-zA-Z0-9-_]{1,128}'",
      );
    }
    if (seen.has(key)) throw invalidValue(field, '', `Metadata has duplicate key: ${key}`);
    seen.add(key);
    const bytes = Buffer.byteLength(value);
    total += key.length + bytes;
    if (bytes > MAX_VALUE_BYTES || total > MAX_METADATA_BYTES) {
      const why = `Value is too large: maximum size 262144 character(s); actual size ${bytes}.`;
      throw invalidValue(`${field}.items.value`, key, why);
    }
  }
}
