// docs/client.md against the table of verbs, and its objects against what the client prints.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { EXIT } from '../../client/errors.ts';
import {
  CONNECTION_FLAGS,
  LOCAL_FLAG,
  NAME_FLAG,
  OUTPUT_FLAGS,
  OWNER_FLAG,
} from '../../client/flags.ts';
import { VERBS, type Verb } from '../../client/verbs.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const PAGE = readFileSync(path.join(ROOT, 'docs/client.md'), 'utf8');
const [COMMON = ''] = /## Flags of nearly every command\n.*?(?=\n## )/s.exec(PAGE) ?? [];
const SHARED = [LOCAL_FLAG, NAME_FLAG, OWNER_FLAG, ...CONNECTION_FLAGS, ...OUTPUT_FLAGS];

const longName = ({ spec }: { spec: string }) => spec.split(' ')[0] ?? '';
const sectionOf = ({ name }: Pick<Verb, 'name'>) =>
  new RegExp(`\n### ${name}\n.*?(?=\n### |$)`, 's').exec(PAGE)?.[0] ?? '';

describe('docs/client.md', () => {
  it('has a line and a section for every command, and for no other', () => {
    const names = VERBS.map(({ name }) => name);
    assert.deepEqual(
      [...PAGE.matchAll(/^### (.+)$/gm)].map(([, name]) => name),
      names,
    );
    const [table = ''] = /\| Command .*?\n\n/s.exec(PAGE) ?? [];
    assert.deepEqual(
      [...table.matchAll(/^\| `(.+?)`/gm)].map(([, name]) => name),
      names,
    );
  });

  it('names every flag where it belongs, and none that there is not', () => {
    for (const verb of VERBS) {
      // `connect` takes what `start` takes.
      const section = verb.name === 'connect' ? sectionOf({ name: 'start' }) : sectionOf(verb);
      for (const flag of verb.flags.filter(({ isHidden }) => !isHidden)) {
        const text = SHARED.includes(flag) ? COMMON : section;
        assert.ok(text.includes(`\`${longName(flag)}\``), `${verb.name} ${flag.spec}`);
      }
      if (verb.argument) assert.ok(sectionOf(verb).includes(verb.argument.spec), verb.name);
      for (const choice of verb.argument?.choices ?? []) {
        assert.ok(sectionOf(verb).includes(`\`${choice}\``), `${verb.name} ${choice}`);
      }
    }
    const all = new Set(VERBS.flatMap(({ flags }) => flags.map(longName)));
    const named = [...PAGE.matchAll(/(?<=[\s`])--[a-z][a-z-]+/g)].map(([flag]) => flag);
    assert.deepEqual(
      named.filter((flag) => !all.has(flag) && flag !== '--help'),
      [],
    );
  });

  it('has every event that the client prints', () => {
    const sources = globSync('client/**/*.ts', { cwd: ROOT });
    const printed = sources.flatMap((file) => [
      ...readFileSync(path.join(ROOT, file), 'utf8').matchAll(/\bevent: '(\w+)'/g),
    ]);
    assert.ok(printed.length > 10);
    for (const [, event = ''] of printed) {
      assert.ok(PAGE.includes(`{"event": "${event}"`), event);
    }
  });

  it('has the exit codes', () => {
    const [table = ''] = /## Exit codes\n.*?(?=\n## )/s.exec(PAGE) ?? [];
    assert.deepEqual(
      [...table.matchAll(/^\| (\d+) /gm)].map(([, code]) => Number(code)),
      Object.values(EXIT),
    );
  });

  it('says which commands take --owner', () => {
    const [line = ''] = /^\| `--owner` .*$/m.exec(COMMON) ?? [];
    const takers = VERBS.filter(({ flags }) => flags.includes(OWNER_FLAG)).map(({ name }) => name);
    assert.deepEqual(
      [...line.matchAll(/`([a-z ]+)`/g)].map(([, name]) => name),
      takers,
    );
  });
});
