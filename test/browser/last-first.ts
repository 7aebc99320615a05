// Cleaning up in the order in which people do: what was started last ends first, and folders go when nobody uses them.
// (node:test's own `after` runs what was registered first, first.)
import type { TestContext } from 'node:test';

/** What cleans up: a test, or the `after` of a suite. */
export type Cleaner = Pick<TestContext, 'after'>;

export function lastFirst(t: Cleaner): Cleaner {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  return cleanerOf(stack);
}

/** For what is no test. */
export function cleanerOf(stack: AsyncDisposableStack): Cleaner {
  return {
    after: (action) => {
      stack.defer(async () => {
        await (action as (() => unknown) | undefined)?.();
      });
    },
  };
}
