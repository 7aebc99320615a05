// How records become text and come back, for both stores: what a store keeps beside the text (version and dueAt,
// which it changes without reading the record) is the truth, whatever the text says.
import { z } from 'zod';
import { imageRecord, type ImageRecord } from '../image-record.ts';
import { sessionRecord, type SessionRecord } from '../record.ts';

/** Records of version 1 of the SQLite file hold a number as `version`. */
const sessionText = z.looseObject({ version: z.unknown(), dueAt: z.unknown() }).partial();

export function textOfSession(record: SessionRecord): string {
  return JSON.stringify({ ...record, version: undefined, dueAt: undefined });
}

/** @throws when the text is no record: a bug, or somebody else's hand */
export function sessionOfText(text: string, version: string, dueAt: number | null): SessionRecord {
  const fields = sessionText.parse(JSON.parse(text));
  delete fields.dueAt;
  return sessionRecord.parse({ ...fields, version, ...(dueAt === null ? {} : { dueAt }) });
}

/** As the store would give it back, to compare: without undefined fields, whatever their order. */
export function asStored(record: object): unknown {
  return JSON.parse(JSON.stringify(record));
}

export function textOfImage(record: ImageRecord): string {
  return JSON.stringify({ ...record, version: undefined });
}

export function imageOfText(text: string, version: string): ImageRecord {
  const fields = z.looseObject({}).parse(JSON.parse(text));
  return imageRecord.parse({ ...fields, version });
}
