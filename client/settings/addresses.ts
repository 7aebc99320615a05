// The URLs that a run calls. Tokens go there, so nothing but TLS will do, this machine excepted.
import { z } from 'zod';

/** `https:` or `wss:` as told, or its plain form to a loopback address; without a slash at the end. */
export function secureUrl(scheme: 'https' | 'wss'): z.ZodType<string> {
  const plain = scheme === 'https' ? 'http' : 'ws';
  return z
    .string()
    .transform((text, context) => {
      const url = URL.parse(text);
      const problem = url ? problemOf(url, scheme, plain) : `must be a URL, such as ${scheme}://…`;
      if (problem === undefined) return text.replace(/\/+$/, '');
      context.addIssue({ code: 'custom', message: problem });
      return z.NEVER;
    })
    .pipe(z.string());
}

function problemOf(url: URL, scheme: string, plain: string): string | undefined {
  const isPlain = url.protocol === `${plain}:`;
  if (isPlain && !isLoopback(url.hostname))
    return `must begin with ${scheme}://, since your tokens go there; ${plain}:// is for this machine alone`;
  if (!isPlain && url.protocol !== `${scheme}:`) return `must begin with ${scheme}://`;
  if (url.username || url.password || url.search || url.hash)
    return 'must be a URL without user, query and fragment';
  return undefined;
}

/** As `URL` writes host names: IPv4 with four numbers, IPv6 in brackets. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/**
 * Where the function `api` is unless somebody put it elsewhere.
 * @returns undefined for a project of a domain (`example.com:project`), whose host Google does not document
 */
export function usualApiUrl(project: string, zone: string): string | undefined {
  if (project.includes(':')) return undefined;
  const region = zone.slice(0, zone.lastIndexOf('-'));
  return `https://${region}-${project}.cloudfunctions.net/api`;
}
