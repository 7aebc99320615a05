// The lines of a Dockerfile as docker joins them: what a check reads must be what is built. Pure. Used by dockerfile.ts, and by
// extension.ts, which looks for secrets.
// https://docs.docker.com/reference/dockerfile/#escape

export interface DockerfileLine {
  /** Of its first line, from 1. */
  line: number;
  /** Of an instruction: continued lines as one, comments and empty lines between them gone. */
  content: string;
  isComment: boolean;
}

export function dockerfileLines(text: string): DockerfileLine[] {
  const joined: DockerfileLine[] = [];
  const comments: DockerfileLine[] = [];
  const lines = text.split(/\r?\n/);
  const continues = continuation(lines);
  let isOpen = false;
  for (const [index, content] of lines.entries()) {
    const line = index + 1;
    if (/^\s*#/.test(content)) {
      comments.push({ line, content, isComment: true });
      continue;
    }
    if (content.trim() === '') continue;
    const last = joined.at(-1);
    const part = content.replace(continues, '$1');
    if (isOpen && last) last.content += part;
    else joined.push({ line, content: part.trimStart(), isComment: false });
    isOpen = continues.test(content);
  }
  return [...joined, ...comments].sort((one, other) => one.line - other.line);
}

/** The last of a line that goes on: a backslash, unless a comment at the very beginning names another sign. */
function continuation(lines: readonly string[]): RegExp {
  let sign = '\\';
  for (const line of lines) {
    const [, name = '', value] = /^\s*#\s*([a-z]\w*)\s*=\s*(\S+)\s*$/i.exec(line) ?? [];
    if (value === undefined) break;
    if (name.toLowerCase() === 'escape') sign = value;
  }
  // One of two is a sign like others.
  return sign === '`' ? /(^|[^`])`[ \t]*$/ : /(^|[^\\])\\[ \t]*$/;
}
