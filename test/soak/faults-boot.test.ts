// As test/journeys/faults-boot.test.ts, with one boot for everything that may happen to a question: a minute and a half.
import { describe, it } from 'node:test';
import { bootThrough, QUESTIONS, type Question } from '../helpers/fault-boots.ts';
import { FAULTS, type FaultName } from '../helpers/fault-cases.ts';

/** A question without an answer is given up after 20 s: one of them is enough. */
const UNANSWERED: readonly Question[] = ['name'];

describe('an instance whose questions to the metadata server fail once', () => {
  it('boots all the same', async (t) => {
    const boots = (Object.keys(FAULTS) as FaultName[]).map((fault) => {
      const questions = fault === 'no answer' ? UNANSWERED : QUESTIONS;
      return { title: fault, faults: questions.map((question) => [question, fault] as const) };
    });
    await bootThrough(t, boots);
  });
});
