// Answers /computeMetadata/v1/… from a tree, with the rules of Google's metadata server: the header that no
// browser sends, folders that list themselves, recursion, and its 404 page.
import type { Call, Log, Reply } from '../router.ts';
import type { MetadataAnswer, MetadataNode } from './tree.ts';

const HEADERS = { 'metadata-flavor': 'Google', server: 'Metadata Server for VM' };
const PREFIX = '/computeMetadata/v1';
/** Marks a number in the JSON text that JSON.stringify could not write; no metadata holds a NUL. */
const BIG_NUMBER = '\u0000big';

export function answerMetadata(call: Call, readTree: () => MetadataNode, log: Log): Reply {
  if (call.headers['x-forwarded-for'] !== undefined) {
    return page(403, 'Forbidden', 'The request was forwarded (X-Forwarded-For).');
  }
  if (call.path === '/' || call.path === '/computeMetadata' || call.path === '/computeMetadata/') {
    return text(call.path === '/' ? 'computeMetadata/\n' : 'v1/\n');
  }
  if (call.headers['metadata-flavor'] !== 'Google') {
    return page(403, 'Forbidden', 'Missing Metadata-Flavor:Google header.');
  }
  if (call.method !== 'GET' && call.method !== 'HEAD') {
    return page(405, 'Method Not Allowed', `The request method ${call.method} is inappropriate.`);
  }
  if (call.query.get('wait_for_change') === 'true') {
    log(`not emulated: metadata with wait_for_change (${call.path})`);
    return page(501, 'Not Implemented', 'The emulator does not emulate wait_for_change.');
  }
  const node = call.path.startsWith(PREFIX)
    ? find(readTree(), segmentsOf(call.path.slice(PREFIX.length)))
    : undefined;
  if (!node) return page(404, 'Not Found', `The requested URL ${call.path} was not found.`);
  return answer(node, call);
}

function answer(node: MetadataNode, call: Call): Reply {
  const { query } = call;
  if (node.kind === 'answer') return answerMade(node.answer(query));
  const isFolder = node.kind === 'folder' || node.kind === 'list';
  if (isFolder && query.get('recursive') === 'true') {
    return query.get('alt') === 'text' ? text(flatten(node)) : asJson(toJson(node));
  }
  if (isFolder && !call.path.endsWith('/')) {
    const search = query.size > 0 ? `?${query.toString()}` : '';
    return { status: 301, headers: { ...HEADERS, location: `${call.path}/${search}` }, body: '' };
  }
  return query.get('alt') === 'json' ? asJson(toJson(node)) : text(toText(node));
}

function answerMade(made: MetadataAnswer): Reply {
  if ('refusal' in made) return { ...text(made.refusal), status: 400 };
  return 'text' in made ? text(made.text) : asJson(made.json);
}

function segmentsOf(path: string): string[] {
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => decodeURIComponent(segment));
}

function find(node: MetadataNode, [first, ...rest]: readonly string[]): MetadataNode | undefined {
  if (first === undefined) return node;
  const child = childOf(node, first);
  return child && find(child, rest);
}

function childOf(node: MetadataNode, name: string): MetadataNode | undefined {
  if (node.kind === 'list') return /^\d+$/.test(name) ? node.items[Number(name)] : undefined;
  if (node.kind !== 'folder') return undefined;
  return Object.hasOwn(node.entries, name) ? node.entries[name] : undefined;
}

function toText(node: MetadataNode): string {
  switch (node.kind) {
    case 'value':
      return String(node.value);
    case 'bigNumber':
      return node.digits;
    case 'lines':
      return node.lines.map((line) => `${line}\n`).join('');
    case 'folder':
      return Object.entries(node.entries)
        .map(([name, child]) => `${name}${isInner(child) ? '/' : ''}\n`)
        .join('');
    case 'list':
      return node.items.map((_, index) => `${index}/\n`).join('');
    case 'answer':
      return '';
    default:
      return node satisfies never;
  }
}

/** Keys become camelCase, but for what the user named; what is made when asked for is left out. */
function toJson(node: MetadataNode, isUserNamed = false): unknown {
  switch (node.kind) {
    case 'value':
      return node.value;
    case 'bigNumber':
      return `${BIG_NUMBER}${node.digits}`;
    case 'lines':
      return node.lines;
    case 'list':
      return node.items.map((item) => toJson(item));
    case 'folder':
      return Object.fromEntries(
        Object.entries(node.entries)
          .filter(([, child]) => child.kind !== 'answer')
          .map(([name, child]) => [
            isUserNamed ? name : camelCase(name),
            toJson(child, name === 'attributes'),
          ]),
      );
    case 'answer':
      return undefined;
    default:
      return node satisfies never;
  }
}

function flatten(node: MetadataNode, prefix = ''): string {
  if (node.kind === 'list') {
    return node.items.map((item, index) => flatten(item, `${prefix}${index}/`)).join('');
  }
  if (node.kind === 'folder') {
    return Object.entries(node.entries)
      .map(([name, child]) => flatten(child, `${prefix}${name}${isInner(child) ? '/' : ''}`))
      .join('');
  }
  return node.kind === 'answer' ? '' : `${prefix} ${toText(node).trimEnd()}\n`;
}

function isInner(node: MetadataNode): boolean {
  return node.kind === 'folder' || node.kind === 'list';
}

function camelCase(name: string): string {
  return name.includes('@')
    ? name
    : name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function text(body: string): Reply {
  return { status: 200, headers: { ...HEADERS, 'content-type': 'application/text' }, body };
}

function asJson(content: unknown): Reply {
  const headers = { ...HEADERS, 'content-type': 'application/json' };
  const body = JSON.stringify(content).replace(/"\\u0000big(\d+)"/g, '$1');
  return { status: 200, headers, body };
}

function page(status: number, title: string, message: string): Reply {
  const escaped = message.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  const body = `<!DOCTYPE html>\n<html lang=en>\n<title>Error ${status} (${title})!!1</title>\n<p><b>${status}.</b> <ins>That’s an error.</ins>\n<p>${escaped}\n`;
  return { status, headers: { ...HEADERS, 'content-type': 'text/html; charset=UTF-8' }, body };
}
