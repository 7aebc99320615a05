// The images of the Firestore store: part of what firestore.ts opens.
import { writeOnce, type CallFirestore } from '../google/firestore.ts';
import {
  imageDocument,
  imageFields,
  imageIn,
  timeOfVersion,
  versionOf,
} from './firestore-documents.ts';
import type { ImageStore } from './image-store.ts';

export function imagesIn(call: CallFirestore): ImageStore {
  return {
    getImage: (name) =>
      call(async ({ database }) => imageIn(await imageDocument(database, name).get())),
    createImage: (record) =>
      call(async (use) => {
        const image = imageDocument(use.database, record.name);
        const written = await writeOnce(use, image, (batch, writeId) => {
          batch.create(image, imageFields(record, writeId));
        });
        if (written) return { ...record, version: versionOf(written) };
        return imageIn(await image.get()) ?? record;
      }),
    saveImage: (record) =>
      call(async (use) => {
        const lastUpdateTime = timeOfVersion(record.version, use);
        if (!lastUpdateTime) return undefined;
        const image = imageDocument(use.database, record.name);
        const written = await writeOnce(use, image, (batch, writeId) => {
          batch.update(image, imageFields(record, writeId), { lastUpdateTime });
        });
        return written && { ...record, version: versionOf(written) };
      }),
  };
}
