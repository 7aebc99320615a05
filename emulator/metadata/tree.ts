// The metadata server's content as data: what an instance, or the functions, may know of themselves.
// routes.ts renders it.

/** A leaf is text (one value), lines (a list, one a line), or made when asked for and not listed. */
export type MetadataNode =
  | { kind: 'value'; value: string | number }
  /** A number that JavaScript's cannot hold, such as an instance's id. */
  | { kind: 'bigNumber'; digits: string }
  | { kind: 'lines'; lines: readonly string[] }
  | { kind: 'folder'; entries: Readonly<Record<string, MetadataNode>> }
  /** Folders named 0, 1, …; a JSON array when asked for recursively. */
  | { kind: 'list'; items: readonly MetadataNode[] }
  | { kind: 'answer'; answer: (query: URLSearchParams) => MetadataAnswer };

export type MetadataAnswer = { json: unknown } | { text: string } | { refusal: string };

export interface ServiceAccount {
  email: string;
  scopes: readonly string[];
  issueAccessToken: (scopes: readonly string[]) => { token: string; seconds: number };
  /** `full` asks for the claims about the instance (format=full). */
  issueIdToken: (audience: string, full: boolean) => string;
}

export const value = (content: string | number): MetadataNode => ({
  kind: 'value',
  value: content,
});
export const folder = (entries: Record<string, MetadataNode>): MetadataNode => ({
  kind: 'folder',
  entries,
});
export const list = (items: readonly MetadataNode[]): MetadataNode => ({ kind: 'list', items });

/** `default` and the account's e-mail name the same thing. */
export function serviceAccounts(accounts: readonly ServiceAccount[]): MetadataNode {
  const entries: Record<string, MetadataNode> = {};
  for (const [index, account] of accounts.entries()) {
    const content = serviceAccount(account);
    if (index === 0) entries['default'] = content;
    entries[account.email] = content;
  }
  return folder(entries);
}

function serviceAccount(account: ServiceAccount): MetadataNode {
  return folder({
    aliases: { kind: 'lines', lines: ['default'] },
    email: value(account.email),
    scopes: { kind: 'lines', lines: account.scopes },
    token: { kind: 'answer', answer: (query) => answerToken(account, query) },
    identity: { kind: 'answer', answer: (query) => answerIdentity(account, query) },
  });
}

function answerToken(account: ServiceAccount, query: URLSearchParams): MetadataAnswer {
  const asked = (query.get('scopes') ?? '').split(',').filter((scope) => scope !== '');
  const foreign = asked.find((scope) => !account.scopes.includes(scope));
  const scopes = asked.length === 0 || foreign !== undefined ? account.scopes : asked;
  const { token, seconds } = account.issueAccessToken(scopes);
  return { json: { access_token: token, expires_in: seconds, token_type: 'Bearer' } };
}

function answerIdentity(account: ServiceAccount, query: URLSearchParams): MetadataAnswer {
  const audience = query.get('audience');
  if (!audience) return { refusal: 'non-empty audience parameter required' };
  const format = query.get('format') ?? 'standard';
  if (format !== 'standard' && format !== 'full') return { refusal: 'invalid format parameter' };
  return { text: account.issueIdToken(audience, format === 'full') };
}

export function metadataRoot(
  project: { id: string; number: string; attributes: Record<string, string> },
  instance: Record<string, MetadataNode>,
): MetadataNode {
  return folder({
    instance: folder(instance),
    oslogin: folder({}),
    project: folder({
      attributes: attributes(project.attributes),
      'numeric-project-id': value(Number(project.number)),
      'project-id': value(project.id),
    }),
    universe: folder({ 'universe-domain': value('googleapis.com') }),
  });
}

export function attributes(items: Readonly<Record<string, string>>): MetadataNode {
  return folder(
    Object.fromEntries(Object.entries(items).map(([key, content]) => [key, value(content)])),
  );
}
