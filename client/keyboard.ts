// The Enter key of whoever sits at the terminal. session/keep.ts asks for it while a session sleeps.
import { readFileSync } from 'node:fs';
import type { Io } from './io.ts';

/** What was typed before anybody was asked arrives at once; it is not an answer. */
const SETTLE_MILLISECONDS = 150;
const LOOK_MILLISECONDS = 1000;

/** Calls `callback` for every line that is typed from now on, until it is disposed of. */
export function onEnter({ stdin, elapsed }: Io, callback: () => void): Disposable {
  if (!stdin) return { [Symbol.dispose]: () => undefined };
  let readingSince = Infinity;
  const take = (typed: Buffer | string) => {
    const isMeant = elapsed() - readingSince > SETTLE_MILLISECONDS;
    if (isMeant && /[\r\n]/.test(typed.toString())) callback();
  };
  const end = () => {
    readingSince = Infinity;
    stdin.off('data', take).pause();
  };
  const look = () => {
    const isReading = readingSince !== Infinity;
    if (isReading === isInForeground()) return;
    if (isReading) {
      end();
      return;
    }
    readingSince = elapsed();
    stdin.on('data', take).resume();
  };
  look();
  // Its timer is due at once after Ctrl-Z and `bg`, before anything is read.
  const timer = setInterval(look, LOOK_MILLISECONDS);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      end();
    },
  };
}

/** A job in the background that reads from its terminal is stopped by it, and its relay with it. */
function isInForeground(): boolean {
  try {
    // proc(5): after the command, in parentheses: state, parent, group, session, terminal, foreground group.
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return true;
  }
}
