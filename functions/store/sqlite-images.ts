// The images of the SQLite store: part of what sqlite.ts opens.
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import type { ImageRecord } from '../image-record.ts';
import type { ImageStore } from './image-store.ts';
import { asPromise, firstRow, inTransaction, run } from './sqlite-database.ts';
import { imageOfText, textOfImage } from './stored-record.ts';

const imageRow = z.object({ record: z.string(), version: z.number() });
const versionRow = z.object({ version: z.number() });

export function imagesIn(database: DatabaseSync): ImageStore {
  const get = (name: string): ImageRecord | undefined => {
    const row = firstRow(database, 'SELECT record, version FROM images WHERE name = ?', name);
    return row === undefined ? undefined : imageOf(row);
  };
  return {
    getImage: (name) => asPromise(() => get(name)),
    createImage: (record) =>
      asPromise(() =>
        inTransaction(database, () => {
          const sql = 'INSERT OR IGNORE INTO images (name, version, record) VALUES (?, 1, ?)';
          run(database, sql, record.name, textOfImage(record));
          return get(record.name) ?? record;
        }),
      ),
    saveImage: (record) =>
      asPromise(() => {
        const sql = `UPDATE images SET version = version + 1, record = ?
          WHERE name = ? AND version = ? RETURNING version`;
        const row = firstRow(database, sql, textOfImage(record), record.name, record.version);
        if (row === undefined) return undefined;
        return { ...record, version: String(versionRow.parse(row).version) };
      }),
  };
}

function imageOf(row: unknown): ImageRecord {
  const { record, version } = imageRow.parse(row);
  return imageOfText(record, String(version));
}
