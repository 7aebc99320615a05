// A gateway image that is not ours: Debian's jupyter-server and a kernel, nothing of what docker/gateway adds.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { imageOf, type Docker } from './engine.ts';

const DOCKERFILE = `FROM debian:trixie-slim
RUN apt-get update \\
 && apt-get install --yes --no-install-recommends jupyter-server python3-ipykernel \\
 && rm -rf /var/lib/apt/lists/*
# Not as process 1: a kernel takes such a parent for the end of its server.
CMD ["sh", "-c", "jupyter-server --allow-root & wait"]
`;

export async function plainImage(docker: Docker): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'datalab-test-plain-'));
  try {
    writeFileSync(path.join(folder, 'Dockerfile'), DOCKERFILE);
    return await imageOf(docker, 'plain', folder, { base: 'debian:trixie-slim' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
