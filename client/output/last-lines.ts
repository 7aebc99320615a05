// What a person wants to see of a log when something has failed.

/** The end of what a program printed, for an error message. */
export function lastLines(output: string, count: number): string {
  const lines = output.split(/[\r\n]+/).map((line) => line.trimEnd());
  return lines
    .filter((line) => line !== '')
    .slice(-count)
    .join('\n');
}
