// What there is to say of a setting. declarations.ts says it of each of them.
import type { z } from 'zod';
import type { CreateSessionRequest } from '../../functions/contract.ts';
import type { GcloudProperty } from './gcloud-configuration.ts';

export type SessionField = Exclude<keyof CreateSessionRequest, 'name' | 'validateOnly'>;

export interface Declaration {
  help: string;
  /** Absent: the command line cannot say it. */
  flag?: string;
  /** In the order in which they count. */
  variables: readonly [string, ...string[]];
  gcloud?: GcloudProperty;
  /** Takes texts, and what is natural for it in JSON. */
  schema: z.ZodType;
  /** With `--local`, where that is another. */
  localSchema?: z.ZodType;
  /** A relative one is relative to where it was said: this folder, or the configuration file's. */
  isPath?: true;
  /** The field of `POST /v1/sessions` that it becomes. */
  field?: SessionField;
  default?: unknown;
  defaultInWords: string;
  withEmulator: Counts;
  withLocal: Counts;
}

/** What counts where no real backend is meant: everything; flag and variables, since the file is about a real project; only the flag; or nothing, and the flag is refused. */
export type Counts = 'everything' | 'said' | 'flag' | 'nothing';
