// What a page says that came where the API's answer was expected: whether it is HTML, its title, and whether it is one of
// Google's own refusals. Pure; failures.ts asks.

export interface PageWords {
  isHtml: boolean;
  /** One short line; empty if there is none. */
  title: string;
  /** The platform's own page, and no proxy's. */
  isOfGoogle: boolean;
}

const MOST_CHARACTERS = 80;
/** What Cloud Run and the front end of Google say in theirs. */
const GOOGLE = /Your client does not have permission to (get|the requested) URL|That.s all we know/;

export function wordsOfPage(text: string): PageWords {
  const isHtml = /^\s*(<\?xml[^>]*>\s*)?<(!doctype html|html|head)\b/i.test(text);
  const [, title = ''] = /<title[^>]*>([^<]*)<\/title>/i.exec(text) ?? [];
  return { isHtml, title: oneLine(title), isOfGoogle: GOOGLE.test(text) };
}

function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- a page may hold anything, and a terminal obeys it
  const plain = text.replaceAll(/[\x00-\x1f\x7f-\x9f\s]+/g, ' ').trim();
  return plain.length <= MOST_CHARACTERS ? plain : `${plain.slice(0, MOST_CHARACTERS - 1)}…`;
}
