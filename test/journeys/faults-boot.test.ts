// An instance that boots though every one of its questions to the metadata server fails once, each in another way than
// the one before it. Every question in every way is in test/soak.
import { describe, it } from 'node:test';
import { bootThrough, QUESTIONS } from '../helpers/fault-boots.ts';
import { FAULTS, type FaultName } from '../helpers/fault-cases.ts';

/** A question without an answer is given up after 20 s: the first is the only one. */
const QUICK = (Object.keys(FAULTS) as FaultName[]).filter((name) => name !== 'no answer');

describe('an instance whose questions to the metadata server fail once', () => {
  it('boots all the same', async (t) => {
    const [first, ...others] = QUESTIONS;
    const dealt = others.map(
      (question, index) => [question, QUICK[index % QUICK.length] ?? '500'] as const,
    );
    await bootThrough(t, [{ title: 'in turn', faults: [[first, 'no answer'], ...dealt] }]);
  });
});
