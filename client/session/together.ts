// Two things at once of which each is useless without the other.

/**
 * Both results. When one fails, the other is told to give up and waited for, so that nothing goes on behind our
 * back; what failed first is thrown.
 */
export async function together<A, B>(
  a: (signal: AbortSignal) => Promise<A>,
  b: (signal: AbortSignal) => Promise<B>,
  interrupt: AbortSignal,
): Promise<[A, B]> {
  const failure = new AbortController();
  const signal = AbortSignal.any([interrupt, failure.signal]);
  const orGiveUp = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await work(signal);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  };
  const [first, second] = await Promise.allSettled([orGiveUp(a), orGiveUp(b)]);
  if (first.status === 'fulfilled' && second.status === 'fulfilled')
    return [first.value, second.value];
  throw failure.signal.reason;
}
