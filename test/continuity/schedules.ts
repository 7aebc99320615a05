// Tests that a notebook of 200 cells comes to the same whatever happens to the way between it and its kernel: some of them
// in `npm test`, as many as asked for, with longer cuts, in `npm run soak`.
import { before, describe, it } from 'node:test';
import { missingJupyter } from '../helpers/jupyter-gateway.ts';
import type { Played } from './play.ts';
import type { Befallen } from './schedule.ts';
import type { RunOptions } from './run.ts';
import { runNotebook } from './run.ts';
import { assertSame, assertUndisturbed } from './same.ts';

export interface Schedules {
  count: number;
  firstSeed: number;
  /** So many at once. */
  concurrency: number;
  run: RunOptions;
}

export function testSchedules({ count, firstSeed, concurrency, run }: Schedules): void {
  describe('a notebook of 200 cells', { skip: missingJupyter(), concurrency }, () => {
    let undisturbed: Played;

    before(async () => {
      ({ played: undisturbed } = await runNotebook(run));
      assertUndisturbed(undisturbed);
    });

    for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
      it(`comes to the same under the schedule of seed ${seed}`, async () => {
        const { played, befallen } = await runNotebook(run, seed);
        try {
          assertSame(played, undisturbed);
        } catch (error) {
          throw new Error(chronicleOf(played, befallen), { cause: error });
        }
      });
    }
  });
}

/** What somebody wants to see who has only the seed: what befell it, and what was under way then. */
function chronicleOf({ cells, lost }: Played, befallen: readonly Befallen[]): string {
  const spans = [...cells.values(), ...lost.map((one) => ({ ...one, until: Infinity }))];
  const lines = befallen.map(({ misfortune, from, until }) => {
    const underWay = spans.filter((span) => span.from < until && span.until > from);
    const numbers = underWay.map(({ cell }) => cell.number).join(', ');
    return `${JSON.stringify(misfortune)} for ${until - from} ms, cells ${numbers}`;
  });
  return ['what came of it is not the same', ...lines].join('\n');
}
