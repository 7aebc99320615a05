// Google's own Firestore emulator, which comes with the Cloud SDK: on a free port of 127.0.0.1, and gone with the test
// process however that ends. One for a file of tests; its data is separated by project id.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from './real-gateway.ts';
import { findProgram } from './requires.ts';
import { until } from './until.ts';

export interface FirestoreEmulator {
  /** `host:port`, for FIRESTORE_EMULATOR_HOST of whoever is to use it. */
  host: string;
  port: number;
  /** It answers nobody, and nobody is told so, until `thaw`. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

const LEASH = path.join(import.meta.dirname, '../../client/jupyter/leash.sh');
const JAR = 'platform/cloud-firestore-emulator/cloud-firestore-emulator.jar';
const MAIN_CLASS = 'com.google.cloud.datastore.emulator.firestore.CloudFirestore';

/**
 * For the `skip` of a suite: what is missing here, or false.
 * @throws when something is missing and CI=true
 */
export function skipWithoutFirestoreEmulator(): string | false {
  const missing = findMissing();
  if (missing === undefined) return false;
  const message = `${missing} is not installed`;
  if (process.env['CI'] === 'true') {
    throw new Error(`${message}, and with CI=true nothing is skipped`);
  }
  return message;
}

export async function startFirestoreEmulator(): Promise<FirestoreEmulator> {
  const folder = mkdtempSync(path.join(tmpdir(), 'datalab-test-firestore-'));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const java = ['java', '-Duser.language=en', '-cp', jarFile(), MAIN_CLASS];
  const command = [...java, 'start', '--host=127.0.0.1', `--port=${port}`];
  const leash = spawn('bash', [LEASH, folder, ...command], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => {
    leash.once('exit', () => {
      resolve();
    });
  });
  const output = outputOf(leash);
  await until('the Firestore emulator answers', () => answers(host, leash, output), 90);
  const javaPid = childNamed(leash, 'java');
  return {
    host,
    port,
    freeze: () => {
      process.kill(javaPid, 'SIGSTOP');
    },
    thaw: () => {
      process.kill(javaPid, 'SIGCONT');
    },
    stop: async () => {
      leash.stdin.end();
      await ended;
    },
  };
}

/** One that is empty. */
export function newProjectId(): string {
  return `test-${randomUUID().slice(0, 18)}`;
}

function findMissing(): string | undefined {
  const program = ['java', 'gcloud'].find((name) => findProgram(name) === undefined);
  if (program !== undefined) return program;
  return existsSync(jarFile()) ? undefined : 'cloud-firestore-emulator (of the Cloud SDK)';
}

/** In the Cloud SDK to which the `gcloud` on PATH belongs. */
function jarFile(): string {
  const gcloud = findProgram('gcloud');
  if (gcloud === undefined) throw new Error('gcloud is not installed');
  return path.join(path.dirname(realpathSync(gcloud)), '..', JAR);
}

/** The last of what it says, which is also read so that it never waits for a reader. */
function outputOf({ stdout, stderr }: ChildProcess): () => string {
  let output = '';
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000);
    });
  }
  return () => output;
}

async function answers(
  host: string,
  { exitCode }: ChildProcess,
  output: () => string,
): Promise<boolean> {
  if (exitCode !== null) throw new Error(`the Firestore emulator has ended:\n${output()}`);
  const reply = await fetch(`http://${host}/`).catch(() => undefined);
  return reply?.ok === true;
}

function childNamed({ pid = 0 }: ChildProcess, name: string): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ');
  const found = children.find(
    (child) => readFileSync(`/proc/${child}/comm`, 'latin1').trim() === name,
  );
  if (found === undefined) throw new Error(`${pid} has no child ${name}`);
  return Number(found);
}
