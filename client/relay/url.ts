// Request targets: path and query apart, and the relay's token taken out. Pure; everything else is left as it was sent.

/** `?token=` is for the relay alone. */
const TOKEN_PARAMETER = 'token';

export function splitUrl(url: string): { path: string; query: URLSearchParams } {
  const start = url.indexOf('?');
  if (start < 0) return { path: url, query: new URLSearchParams() };
  return { path: url.slice(0, start), query: new URLSearchParams(url.slice(start + 1)) };
}

/** @returns the target without the token; no other byte of it is changed (URLSearchParams would encode anew) */
export function withoutToken(url: string): string {
  const start = url.indexOf('?');
  if (start < 0) return url;
  const kept = url
    .slice(start + 1)
    .split('&')
    .filter((parameter) => !new URLSearchParams(parameter).has(TOKEN_PARAMETER));
  const path = url.slice(0, start);
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`;
}
