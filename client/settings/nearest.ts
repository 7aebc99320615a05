// What somebody who mistyped a name may have meant: the known names that differ least from it.

/** The nearest first; none that has little in common with `word`. */
export function nearest(word: string, known: readonly string[], count = 1): string[] {
  const wanted = plain(word);
  const limit = Math.max(2, Math.floor(wanted.length / 3));
  return known
    .map((name) => ({ name, far: difference(wanted, plain(name)) }))
    .filter(({ far }) => far <= limit)
    .sort((a, b) => a.far - b.far)
    .slice(0, count)
    .map(({ name }) => name);
}

/** ` Did you mean X?`, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const [best] = nearest(word, known);
  return best === undefined ? '' : ` Did you mean ${best}?`;
}

/** `machine_type`, `machine-type` and `machineType` are one mistake, not four. */
function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Half a name is a likely mistake. */
function difference(wanted: string, name: string): number {
  return wanted.length >= 3 && name.startsWith(wanted) ? 1 : distance(wanted, name);
}

/** Levenshtein's: letters to add, drop or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [line, letter] of Array.from(a).entries()) {
    const next = [line + 1];
    for (let column = 0; column < b.length; column += 1) {
      const change = (row[column] ?? 0) + (letter === b[column] ? 0 : 1);
      next.push(Math.min(change, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
