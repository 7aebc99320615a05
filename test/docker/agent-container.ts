// The agent image, built of the sources; once for each content.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeAgentContext } from '../../scripts/agent-context.ts';
import { imageOf, type Docker } from './engine.ts';

export async function agentImage(docker: Docker): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'datalab-test-agent-'));
  try {
    const context = await writeAgentContext(folder);
    return await imageOf(docker, 'agent', context, { base: 'node:24-slim' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
