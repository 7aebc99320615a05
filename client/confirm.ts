// Asks a person before something of theirs is lost.
import { ask } from './ask.ts';
import { ClientError } from './errors.ts';
import type { Io } from './io.ts';
import { paragraph } from './output/terminal-text.ts';

export interface Question {
  /** Ends with a question mark. */
  text: string;
  /** Where nobody can be asked: what they would have been asked about, and what to do. */
  unasked: string;
  /** When the answer is not yes. */
  declined: string;
}

/** @throws ClientError unless the answer is yes, Interrupted at Ctrl-C */
export async function confirm({ text, unasked, declined }: Question, io: Io): Promise<void> {
  if (!io.stdin) throw new ClientError(unasked);
  // Room for the answer in the last line.
  const columns = io.columns === undefined ? undefined : io.columns - 5;
  const answer = await ask(`${paragraph(`${text} [y/N]`, columns)} `, io.stdin, io);
  if (!/^y(es)?$/i.test(answer.trim())) throw new ClientError(declined);
}
