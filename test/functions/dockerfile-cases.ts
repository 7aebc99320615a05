// Dockerfiles that are spread over lines in odd ways, each with one LABEL `a`, and what docker takes for its value. Functions and
// emulator read them, neither with the other's code; test/docker/ asks docker itself.

export interface DockerfileCase {
  what: string;
  /** Behind `FROM debian:trixie-slim` and what else may come first. */
  text: string;
  label: string;
}

const FROM = 'FROM debian:trixie-slim\n';

export const DOCKERFILE_CASES: readonly DockerfileCase[] = [
  { what: 'joined as they are', text: `${FROM}LABEL a="x\\\n  y"\n`, label: 'x  y' },
  {
    what: 'with a comment between',
    text: `${FROM}LABEL a="x\\\n# no\n  # no \\\ny"\n`,
    label: 'xy',
  },
  { what: 'with an empty line between', text: `${FROM}LABEL a="x\\\n\n \ny"\n`, label: 'xy' },
  { what: 'with a blank behind the sign', text: `${FROM}LABEL a="x\\ \t\ny"\n`, label: 'xy' },
  { what: 'of Windows', text: `${FROM.trim()}\r\nLABEL a="x\\\r\n# no\r\ny"\r\n`, label: 'xy' },
  { what: 'ended by two signs', text: `${FROM}LABEL a=x\\\\\nENV b=y\n`, label: 'x\\' },
  {
    what: 'joined by another sign',
    text: `# escape=\`\n${FROM}LABEL a="x\`\n# no\ny"\nENV b=\\\nENV c=1\n`,
    label: 'xy',
  },
  {
    what: 'behind a comment that comes too late to name a sign',
    text: `${FROM}# escape=\`\nLABEL a="x\\\ny"\n`,
    label: 'xy',
  },
];
