// Colour, on a terminal that wants it: never in a file or a pipe, never with NO_COLOR (https://no-color.org).
import { styleText } from 'node:util';
import type { Io } from '../io.ts';

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (colour: Colour, text: string) => string;

export function paintFor(stream: 'stdout' | 'stderr', io: Io): Paint {
  const isTerminal = stream === 'stdout' ? io.outputColumns !== undefined : io.isTerminal;
  if (!isTerminal || io.env['NO_COLOR'] || io.env['TERM'] === 'dumb') return (_, text) => text;
  return (colour, text) => styleText(colour, text, { validateStream: false });
}
