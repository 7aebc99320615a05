// Cloud Build, its log and the registry in memory, on the clock and the power switch of world.ts.
import type { Clock } from '../../functions/clock.ts';
import { AppError } from '../../functions/errors.ts';
import type { ImageFacts } from '../../functions/google/image-manifest.ts';
import type { Registry } from '../../functions/google/registry.ts';
import type { SeenBuild } from '../../functions/image-plan.ts';
import type { BuildLog, Builds, ImageBuildRequest } from '../../functions/image-reconcile.ts';
import type { PowerSwitch } from './power-switch.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
export const BUILT_DIGEST = `sha256:${'d'.repeat(64)}`;

/** Of the image that the build of that number makes: each extension another one. */
export function extendedDigest(number: number): string {
  return `sha256:${String(number).padStart(64, 'f')}`;
}

interface TestBuild extends SeenBuild {
  endsAt: number;
  willFail: boolean;
  /** Of the image that it makes. */
  makes: string;
  /** What was asked for. */
  request: Partial<ImageBuildRequest>;
}

export class TestBuilds implements Builds, BuildLog, Registry {
  readonly all: TestBuild[] = [];
  /** Repository and tag -> digest. */
  readonly images = new Map<string, string>([
    ['gcr.io/p/datalab-gateway', DIGEST],
    ['gcr.io/p/datalab-agent', `sha256:${'b'.repeat(64)}`],
  ]);
  /** What the registry knows of an image, by its digest. */
  readonly facts = new Map<string, ImageFacts>();
  /** Why the registry tells nothing about images, if it does not. */
  registryFailure: AppError | undefined;
  source = 'source-1';
  /** The next build ends with FAILURE. */
  failNext = false;
  /** Thrown by the next createBuild, which is then not taken. */
  refuseNext: AppError | undefined;
  /** The next createBuild is taken, and its reply lost. */
  loseNextReply = false;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #power: PowerSwitch;
  readonly #seconds: number;

  constructor(clock: Pick<Clock, 'now'>, power: PowerSwitch, seconds = 60) {
    this.#clock = clock;
    this.#power = power;
    this.#seconds = seconds;
  }

  findPinned(image: string): Promise<string | undefined> {
    this.#settle();
    const digest = this.images.get(image);
    return Promise.resolve(digest === undefined ? undefined : `${image}@${digest}`);
  }

  describe(image: string): Promise<ImageFacts | undefined> {
    if (this.registryFailure) return Promise.reject(this.registryFailure);
    const [, digest = ''] = image.split('@');
    return Promise.resolve(this.facts.get(digest));
  }

  sourceHash(): Promise<string> {
    return Promise.resolve(this.source);
  }

  findBuild(tag: string): Promise<SeenBuild | undefined> {
    this.#settle();
    return Promise.resolve(this.all.findLast(({ tags }) => tags.includes(tag)));
  }

  getBuild(id: string): Promise<SeenBuild | undefined> {
    this.#settle();
    return Promise.resolve(this.all.find((build) => build.id === id));
  }

  lastLines(buildId: string): Promise<string[]> {
    return Promise.resolve([`log of ${buildId}`, 'ERROR: it did not work']);
  }

  async createBuild(request: Partial<ImageBuildRequest> & { tag: string }): Promise<SeenBuild> {
    this.#power.before('build');
    await Promise.resolve();
    const refusal = this.refuseNext;
    this.refuseNext = undefined;
    if (refusal) throw refusal;
    const build: TestBuild = {
      id: `build-${this.all.length + 1}`,
      status: 'WORKING',
      tags: [request.tag],
      request,
      makes: request.extension ? extendedDigest(this.all.length) : BUILT_DIGEST,
      endsAt: this.#clock.now() + this.#seconds * 1000,
      willFail: this.failNext,
    };
    this.failNext = false;
    this.all.push(build);
    if (this.loseNextReply) {
      this.loseNextReply = false;
      throw new AppError('UNAVAILABLE', 'no answer', { isRetryable: true });
    }
    this.#power.after('build');
    return build;
  }

  /** The gateway image goes, as in a project that never had one. */
  removeGateway(): void {
    this.images.delete('gcr.io/p/datalab-gateway');
  }

  #settle(): void {
    for (const build of this.all) {
      if (build.status !== 'WORKING' || build.endsAt > this.#clock.now()) continue;
      build.status = build.willFail ? 'FAILURE' : 'SUCCESS';
      if (build.willFail) continue;
      build.digest = build.makes;
      this.images.set('gcr.io/p/datalab-gateway', build.makes);
    }
  }
}
