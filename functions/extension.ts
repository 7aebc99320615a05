// What an image is extended with, as it was asked for: checked before anything is stored, so that what cannot work, or
// would put a secret into an image, is refused by line. Pure. Used by image-extend.ts.
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { ExtensionKind, extendImageRequest, FieldViolation } from './contract.ts';
import { beginsFromBase, problemsOfDockerfile } from './dockerfile.ts';
import { dockerfileLines } from './dockerfile-lines.ts';

export interface Extension {
  kind: ExtensionKind;
  text: string;
  /** Of kind and text: the same extension asked for again is told by it. */
  hash: string;
  /** The image that comes of it is the project's, and more. */
  isOnBase: boolean;
}

type Request = Pick<z.infer<typeof extendImageRequest>, ExtensionKind>;

export function parseExtension(
  request: Request,
): { extension: Extension } | { violations: FieldViolation[] } {
  const { requirements, dockerfile } = request;
  if (requirements !== undefined && dockerfile !== undefined) return bothOrNone('only one of them');
  if (requirements !== undefined) return checked('requirements', requirements);
  return dockerfile === undefined ? bothOrNone('one of them') : checked('dockerfile', dockerfile);
}

function checked(
  kind: ExtensionKind,
  text: string,
): { extension: Extension } | { violations: FieldViolation[] } {
  const problems =
    kind === 'requirements'
      ? [...secretsIn(requirementsLines(text)), ...problemsOfRequirements(text)]
      : [...secretsIn(dockerfileLines(text)), ...problemsOfDockerfile(text)];
  if (problems.length > 0) {
    const violations = problems
      .slice(0, MAX_PROBLEMS)
      .map(({ line, why }) => ({ field: kind, description: `line ${line}: ${why}` }));
    return { violations };
  }
  const hash = createHash('sha256').update(`${kind}\n${text}`).digest('hex').slice(0, 16);
  const isOnBase = kind === 'requirements' || beginsFromBase(text);
  return { extension: { kind, text, hash, isOnBase } };
}

const MAX_PROBLEMS = 20;

function bothOrNone(which: string): { violations: FieldViolation[] } {
  const description = `give ${which}: requirements, or dockerfile`;
  return { violations: [{ field: 'requirements', description }] };
}

interface Problem {
  line: number;
  why: string;
}

interface Line {
  line: number;
  content: string;
}

/** In lines as they are joined: a secret can be cut in two. Without their text: it would be in logs and on screens. */
function secretsIn(lines: readonly Line[]): Problem[] {
  return lines.flatMap(({ line, content }) =>
    hasCredentials(content) ? [{ line, why: NO_SECRETS }] : [],
  );
}

const NO_SECRETS =
  'holds a password or a token in a URL, which would stay in the image and in the record of its build. Keep such ' +
  'packages in Artifact Registry, which the account that builds may read: extend the image by ' +
  'keyrings.google-artifactregistry-auth first, and name the index without credentials';

/** Google's name for "the token comes from elsewhere" is no secret, nor is a user of SSH. */
const NAMES = ['oauth2accesstoken', 'git'];

function hasCredentials(content: string): boolean {
  const users = content.matchAll(/\b[a-z][a-z0-9+.-]*:\/\/([^\s/@'"]+)@/gi);
  return [...users].some(([, user = '']) => !NAMES.includes(user));
}

function problemsOfRequirements(text: string): Problem[] {
  const lines = requirementsLines(text)
    .map(({ line, content }) => ({ line, content: content.replace(/(^|\s)#.*$/, '').trim() }))
    .filter(({ content }) => content !== '');
  const isOption = /^(-i|-f|--index-url|--extra-index-url|--find-links|--no-index|--pre)\b/;
  if (lines.every(({ content }) => isOption.test(content))) {
    return [{ line: 1, why: 'there is nothing to install in it' }];
  }
  return lines.flatMap(({ line, content }) => (isLocal(content) ? [{ line, why: NO_FILES }] : []));
}

const NO_FILES =
  'names a file or a folder of your machine, which the build does not have: name a package, or a URL';

/** Another file, or a package that lies on the disk. */
function isLocal(content: string): boolean {
  const option = /^(?:-[rcef]|--(?:requirement|constraint|editable|find-links))(?:\s*=?\s*)(\S+)/;
  const [, named] = option.exec(content) ?? [];
  if (named !== undefined) return !/^(git|hg|svn|bzr)\+|^https?:\/\//.test(named);
  return (
    /^(\.{1,2})?\/|^file:|@\s*file:|^\S+\.whl(\s|$)/.test(content) && !/^https?:/.test(content)
  );
}

/** As pip joins them: a comment ends what a backslash continues, and is never continued itself. */
function requirementsLines(text: string): Line[] {
  const lines: Line[] = [];
  let isOpen = false;
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const isComment = /^\s*#/.test(content);
    const last = lines.at(-1);
    const part = isComment ? ` ${content}` : content.replace(/\\$/, '');
    if (isOpen && last) last.content += part;
    else lines.push({ line: index + 1, content: part });
    isOpen = !isComment && content.endsWith('\\');
  }
  return lines;
}
