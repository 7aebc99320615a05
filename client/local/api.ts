// The API's methods, done on this machine: with `--local` the commands call these instead of a backend. A session is what its
// folder and its containers say; all that is kept in memory is how far this process is with bringing it up.
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type {
  ConnectResponse,
  CreateSessionRequest,
  SessionView,
} from '../../functions/contract.ts';
import { ApiError, type Api } from '../api/api.ts';
import { ClientError, messageOf } from '../errors.ts';
import type { CompleteSettings } from '../settings/complete.ts';
import { askActivity } from './activity.ts';
import { bringUp, withLock, type BringUpOptions } from './bring-up.ts';
import type { Machine } from './container-arguments.ts';
import { isAlive, isUp, look, removeContainers, stopContainers } from './containers.ts';
import { readLogs } from './logs.ts';
import { HERE, placeOf, type LocalPlace } from './place.ts';
import { accessTokenOf } from './prepare.ts';
import { localNames, readRecord, writeRecord, type LocalRecord } from './record.ts';
import { idOf, viewOf, type Progress, type ViewContent } from './session-view.ts';

export interface LocalApiOptions {
  settings: CompleteSettings;
  machine: Machine;
  /** @throws ClientError when something that kernels were to have is not there */
  gateway: () => BringUpOptions['gateway'];
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
  now: () => number;
}

/** While something is under way. */
const LOOK_MILLISECONDS = 500;

export function createLocalApi(options: LocalApiOptions): Api {
  const local = new Local(options);
  const never = () => Promise.reject(new ClientError('There is no such thing with --local.'));
  return {
    createSession: (wanted) => local.create(wanted),
    waitForSession: (id, afterRevision, waitSeconds) => local.wait(id, afterRevision, waitSeconds),
    getSession: (id) => local.get(id),
    listSessions: () => local.list(),
    startSession: (id) => local.start(id),
    stopSession: (id) => local.stop(id),
    deleteSession: (id) => local.delete(id),
    connect: (id) => local.connect(id),
    sessionLogs: (id, source, page) =>
      readLogs(local.placeOf(id), source, page, local.dockerOptions),
    // Builds are told as they go; see bring-up.ts.
    imageLogs: () => Promise.resolve({ lines: [], next: '' }),
    ...{ suspendSession: never, extendSession: never },
    ...{ getImage: never, buildImage: never, extendImage: never },
  };
}

class Local {
  readonly #options: LocalApiOptions;
  readonly #progress = new Map<string, Progress>();
  /** What was seen last, to tell changes from it. */
  readonly #seen = new Map<string, { text: string; revision: number; time: string }>();
  #changed = Promise.withResolvers<undefined>();

  constructor(options: LocalApiOptions) {
    this.#options = options;
  }

  get dockerOptions() {
    const { environment, signal } = this.#options;
    return { environment, signal };
  }

  placeOf(id: string): LocalPlace {
    return placeOf(this.#options.settings.stateDir, id.replace(idOf(''), ''));
  }

  /** Makes it, or brings up the one that is there. @throws ClientError when that is not what was asked for */
  async create(wanted: Partial<CreateSessionRequest>): Promise<SessionView> {
    const { settings, now } = this.#options;
    const place = placeOf(settings.stateDir, wanted.name ?? settings.name);
    const known = readRecord(place);
    const folder = settings.contentDir ?? known?.folder;
    if (folder === undefined) throw new Error('a local session is made for a folder');
    if (known && known.folder !== folder) throw ofAnotherFolder(place, known);
    const { gateway } = await look(place, this.dockerOptions);
    // What was asked for holds until it is stopped.
    const kept = isAlive(gateway) ? known : undefined;
    const { image = kept?.image, idleTimeoutSeconds = kept?.idleTimeoutSeconds } = wanted;
    if (isUp(gateway) && wanted.image !== undefined && wanted.image !== gateway?.image) {
      throw ofAnotherImage(place, gateway?.image ?? '');
    }
    const record: LocalRecord = {
      ...{ folder, createTime: known?.createTime ?? new Date(now()).toISOString() },
      ...(image === undefined ? {} : { image }),
      ...(idleTimeoutSeconds === undefined ? {} : { idleTimeoutSeconds }),
    };
    // What cannot be is said before anything is kept.
    const given = this.#options.gateway();
    mkdirSync(place.folder, { recursive: true, mode: 0o700 });
    writeRecord(place, record);
    return await this.#begin(place, record, given);
  }

  async start(id: string): Promise<SessionView> {
    const place = this.placeOf(id);
    return await this.#begin(place, this.#recordOf(place), this.#options.gateway());
  }

  async get(id: string): Promise<SessionView> {
    const place = this.placeOf(id);
    const { machine, now } = this.#options;
    const seen = await look(place, this.dockerOptions);
    const port = isUp(seen.agent) ? seen.agent?.port : undefined;
    const activity = await askActivity(port, accessTokenOf(place));
    // Last: it may have been deleted meanwhile.
    const known = this.#knownOf(place);
    const { login } = machine;
    return this.#counted(viewOf({ place, ...known, look: seen, activity, login, now: now() }));
  }

  async wait(id: string, afterRevision: number, waitSeconds: number): Promise<SessionView> {
    const { signal } = this.#options;
    const end = Date.now() + waitSeconds * 1000;
    for (;;) {
      const changed = this.#changed.promise;
      const session = await this.get(id);
      const left = end - Date.now();
      if (session.revision > afterRevision || left <= 0) return session;
      await Promise.race([
        changed,
        delay(Math.min(left, LOOK_MILLISECONDS), undefined, { signal }),
      ]);
    }
  }

  async list(): Promise<SessionView[]> {
    const names = localNames(this.#options.settings.stateDir);
    return await Promise.all(names.map((name) => this.get(idOf(name))));
  }

  async stop(id: string): Promise<SessionView> {
    const place = this.placeOf(id);
    await withLock(place, this.#options.signal, () => stopContainers(place, this.dockerOptions));
    return await this.get(id);
  }

  /** With what the kernels have written outside of the folder of notebooks. */
  async delete(id: string): Promise<SessionView> {
    const before = await this.get(id);
    const place = this.placeOf(id);
    await withLock(place, this.#options.signal, async () => {
      await removeContainers(place, this.dockerOptions);
      rmSync(place.folder, { recursive: true, force: true });
    });
    return { ...before, state: 'DELETING', want: 'deleted', kernels: [] };
  }

  async connect(id: string): Promise<ConnectResponse> {
    const place = this.placeOf(id);
    const { agent } = await look(place, this.dockerOptions);
    const accessToken = accessTokenOf(place);
    if (!isUp(agent) || agent?.port === undefined || accessToken === undefined) {
      throw new ClientError(`The agent of session ${place.name} does not run.`);
    }
    return {
      accessToken,
      tunnel: {
        ...{ project: HERE, zone: HERE, instance: place.agent, networkInterface: 'lo' },
        port: agent.port,
      },
    };
  }

  /** Goes on in the background; `wait` tells how far it is. */
  async #begin(
    place: LocalPlace,
    record: LocalRecord,
    gateway: BringUpOptions['gateway'],
  ): Promise<SessionView> {
    const { settings, machine, environment, signal } = this.#options;
    const onProgress = (progress: Progress) => {
      this.#progress.set(place.name, progress);
      this.#changed.resolve(undefined);
      this.#changed = Promise.withResolvers();
    };
    const { stateDir, gatewayPypi: pypi } = settings;
    const images = { stateDir, image: record.image, pypi };
    bringUp({ place, record, machine, images, gateway, environment, signal, onProgress }).then(
      () => {
        onProgress({ kind: 'none' });
      },
      (error: unknown) => {
        onProgress({ kind: 'failed', message: messageOf(error) });
      },
    );
    return await this.get(idOf(place.name));
  }

  /** One whose record cannot be read is shown, too: so that it can be deleted. */
  #knownOf(place: LocalPlace): { record: LocalRecord; progress: Progress } {
    try {
      const record = this.#recordOf(place);
      return { record, progress: this.#progress.get(place.name) ?? { kind: 'none' } };
    } catch (error) {
      if (!(error instanceof ClientError) || error instanceof ApiError) throw error;
      const createTime = statSync(place.recordFile).mtime.toISOString();
      const progress = { kind: 'failed', message: error.message } as const;
      return { record: { folder: 'a folder that is not known', createTime }, progress };
    }
  }

  /** @throws ApiError as the API would */
  #recordOf(place: LocalPlace): LocalRecord {
    const record = readRecord(place);
    if (record) return record;
    const message = `There is no session ${place.name} on this machine.`;
    throw new ApiError({ code: 404, status: 'NOT_FOUND', message });
  }

  /** The revision goes up when something is to be seen; that time has passed is nothing. */
  #counted(content: ViewContent): SessionView {
    const kernels = content.kernels.map((kernel) => ({ ...kernel, idleSeconds: 0 }));
    const text = JSON.stringify({ ...content, kernels, awake: content.awake?.reason });
    const before = this.#seen.get(content.id);
    const seen =
      before?.text === text
        ? before
        : {
            ...{ text, revision: (before?.revision ?? 0) + 1 },
            time: new Date(this.#options.now()).toISOString(),
          };
    this.#seen.set(content.id, seen);
    const { revision, time: updateTime } = seen;
    return { ...content, revision, etag: `"${revision}"`, updateTime };
  }
}

function ofAnotherFolder({ name }: LocalPlace, { folder }: LocalRecord): ClientError {
  return new ClientError(
    `Session ${name} of this machine is for ${folder}. Choose another name with --name, or leave it out: ` +
      'then each folder has a session of its own.',
  );
}

function ofAnotherImage({ name }: LocalPlace, image: string): ClientError {
  return new ClientError(
    `The kernels of session ${name} run in ${image}. For another image end them first: ` +
      `datalab-client stop --local --name ${name}`,
  );
}
