// Rows of the table as tests: those of one group share a world, one after the other; when one has failed, the next one gets
// another world. cuts.test.ts and programs.test.ts are made of them.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { RowWorld } from './row-world.ts';
import { rowWorldOf } from './row-world.ts';
import type { GoneOnSeen } from './rows/programs.ts';
import type { World } from './world.ts';
import { startWorld } from './world.ts';

export type Row = (name: string, steps: (row: RowWorld, world: World) => Promise<void>) => void;

export const TIME_SCALE = 0.1;
export const REFUSED = { kind: 'refused' } as const;
export const DROPPED = { kind: 'dropped' } as const;

export function rowsOf(group: string, define: (row: Row) => void): void {
  describe(group, { concurrency: 1 }, () => {
    let world: World | undefined;

    after(() => world?.end());

    define((name, steps) => {
      it(name, async () => {
        const present = (world ??= await startWorld({ timeScale: TIME_SCALE }));
        try {
          await steps(rowWorldOf(present, TIME_SCALE), present);
          await present.clear();
        } catch (error) {
          world = undefined;
          await present.end();
          throw error;
        }
      });
    });
  });
}

export function assertWhole(seen: GoneOnSeen): void {
  const { result, lines, linesPrinted, goesOn } = seen;
  assert.ok(typeof result === 'object', 'the cell was not answered');
  const { status, duplicates } = result;
  const expected = { status: 'ok', duplicates: 0, lines: linesPrinted, goesOn: true };
  assert.deepEqual({ status, duplicates, lines, goesOn }, expected);
}
