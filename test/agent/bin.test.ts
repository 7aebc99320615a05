// The agent as a program: its environment, its signals, its exit codes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from './agent-fixture.ts';
import { startApiServer } from './api-server.ts';

const BIN = fileURLToPath(new URL('../../agent/bin.ts', import.meta.url));

describe('node agent/bin.ts', { timeout: 60_000 }, () => {
  it('names every variable at fault and ends with 1', async (t) => {
    const child = run(t, { AGENT_PORT: 'many', API_URL: 'ftp://x' });
    assert.ok(child.stderr);
    const output = await text(child.stderr);
    assert.equal(child.exitCode ?? (await once(child, 'exit'))[0], 1);
    const { event, reason } = JSON.parse(output) as { event: string; reason: string };
    assert.equal(event, 'settings');
    for (const name of ['AGENT_ADDRESS', 'AGENT_PORT', 'GATEWAY_URL', 'API_URL', 'SESSION_ID']) {
      assert.match(reason, new RegExp(name));
    }
  });

  it('wants a backend or a token of its own, and not both', async (t) => {
    const child = run(t, {
      ...settings('http://127.0.0.1:1', '127.0.0.1:1'),
      ACCESS_TOKEN_FILE: '/nowhere/access-token',
    });
    assert.ok(child.stderr);
    assert.match(await text(child.stderr), /API_URL: not beside ACCESS_TOKEN_FILE/);
  });

  it('registers, reports a gateway that never answers, and ends with 143 on SIGTERM', async (t) => {
    const api = await startApiServer();
    t.after(() => api.close());
    const child = run(t, settings(api.url, api.metadataHost));
    await until('a report', () => api.reports.length > 0);
    assert.equal(api.reports[0]?.gatewayReady, false);
    assert.deepEqual(api.violations, []);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [143, null]);
  });

  it('does not end because the API cannot be reached', async (t) => {
    const child = run(t, settings('http://127.0.0.1:1', '127.0.0.1:1'));
    const lines: string[] = [];
    child.stderr?.on('data', (data) => lines.push(String(data)));
    await until('two attempts', () => lines.join('').split('not registered').length > 2);
    assert.equal(child.exitCode, null);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [130, null]);
  });
});

function settings(apiUrl: string, metadataHost: string): Record<string, string> {
  return {
    AGENT_ADDRESS: '127.0.0.1',
    AGENT_PORT: '0',
    GATEWAY_URL: 'http://127.0.0.1:1',
    GATEWAY_TOKEN_FILE: '/nowhere/token',
    API_URL: apiUrl,
    SESSION_ID: 's1',
    GCE_METADATA_HOST: metadataHost,
  };
}

function run(t: TestContext, environment: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [BIN], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}
