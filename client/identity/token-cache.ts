// Keeps tokens in memory until shortly before they expire, and lets callers share one fetch. Lifetimes are counted on the
// clock that only goes forward: what the wall clock says does not matter.
import type { Credentials, SignIn, TokenKind } from './credentials.ts';

export interface TokenCache extends Credentials {
  /** Whether there is one that can be had at once. */
  has(kind: TokenKind): boolean;
}

interface Kept {
  value: string;
  /** On the clock of `elapsed`. */
  freshUntil: number;
}

/** How long before its end a token is not used any more, unless a tenth of its life is shorter. */
const MARGIN_SECONDS = 300;

/** @param elapsed milliseconds on a clock that only goes forward */
export function cacheTokens(signIn: Pick<SignIn, 'fetch'>, elapsed: () => number): TokenCache {
  const kept = new Map<TokenKind, Kept>();
  const refused = new Set<TokenKind>();
  let fetching: Promise<void> | undefined;

  const find = (kind: TokenKind) => {
    const found = kept.get(kind);
    return found && found.freshUntil > elapsed() ? found.value : undefined;
  };
  const fetchNow = async (kind: TokenKind) => {
    // What is fetched lives from before it was asked for: the reply may have been slow.
    const begun = elapsed();
    const tokens = await signIn.fetch(kind, refused.has(kind));
    for (const [each, token] of Object.entries(tokens) as [TokenKind, typeof tokens.id][]) {
      if (!token) continue;
      const { value, lifetimeSeconds } = token;
      const margin = Math.min(MARGIN_SECONDS, lifetimeSeconds / 10);
      kept.set(each, { value, freshUntil: begun + (lifetimeSeconds - margin) * 1000 });
      refused.delete(each);
    }
    return tokens[kind]?.value;
  };
  const get = async (kind: TokenKind): Promise<string> => {
    for (;;) {
      const value = find(kind);
      if (value !== undefined) return value;
      if (fetching) {
        await fetching;
        continue;
      }
      const fetched = fetchNow(kind);
      fetching = fetched.then(() => undefined);
      // Whoever waits for it hears of it; perhaps nobody does.
      fetching.catch(() => undefined);
      try {
        // Not looked up again: one that lives for no time at all is good for one call.
        const fresh = await fetched;
        if (fresh !== undefined) return fresh;
        throw new Error(`a sign-in answered without the ${kind} token that it was asked for`);
      } finally {
        fetching = undefined;
      }
    }
  };
  return {
    accessToken: () => get('access'),
    idToken: () => get('id'),
    has: (kind) => find(kind) !== undefined,
    forget: (token) => {
      for (const [kind, { value }] of kept) {
        // Of many who were refused with one token, the first has got another one.
        if (token !== undefined && value !== token) continue;
        kept.delete(kind);
        refused.add(kind);
      }
    },
  };
}
