// Text by the columns that it takes on a terminal: wide characters take two, accents none.
// Version 7: later ones read the list of all emoji when they are loaded, which takes as long as Node.js to start.
import stringWidth from 'string-width';

export function columnsOf(text: string): number {
  return stringWidth(text);
}

/** Logs, apt-get's output and messages from elsewhere may hold what moves a terminal's cursor. */
export function withoutControls(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what is meant
  return text.replaceAll(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, '').replaceAll(/[\x00-\x1f\x7f]+/g, ' ');
}

export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

/** Not wider than `columns`; what was cut ends with `…`. */
export function clipped(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  if (columns <= 0) return '';
  let kept = '';
  let width = 1;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += columnsOf(segment);
    if (width > columns) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}

/** Words of a command, up to the end of the clause: a line break in the middle could not be copied. */
const COMMAND = /\b(?:datalab-client|gcloud|npx|npm|sudo) (?:[^\n.,;:)]|[.,;:)](?!\s|$))+/g;
const UNBROKEN = '\u{f0000}';

/** Lines that fit, broken between words, all but the first after `hang`; what is longer than a line is left whole. */
export function wrapped(text: string, columns: number, hang = ''): string[] {
  const lines: string[] = [];
  const [first = '', ...words] = text.replaceAll(COMMAND, unbroken).split(' ');
  let line = first;
  for (const word of words) {
    const longer = `${line} ${word}`;
    if (line.trim() !== '' && columnsOf(longer) > columns) {
      lines.push(line);
      line = hang + word;
    } else line = longer;
  }
  return [...lines, line].map((one) => one.replaceAll(UNBROKEN, ' '));
}

function unbroken(command: string): string {
  return command.replaceAll(' ', UNBROKEN);
}

/** Sentences for a person, as wide as their terminal; as they are where there is none. */
export function paragraph(text: string, columns: number | undefined): string {
  if (columns === undefined) return text;
  return text
    .split('\n')
    .flatMap((line) => wrapped(line, columns))
    .join('\n');
}
