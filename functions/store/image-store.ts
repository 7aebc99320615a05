// What the backend asks of a store about the gateway image: one document per image. Both stores implement it.
import type { ImageRecord } from '../image-record.ts';

export interface ImageStore {
  /** By the image's name with its tag. */
  getImage(name: string): Promise<ImageRecord | undefined>;

  /** Answers the one that is there, if somebody was first. */
  createImage(record: ImageRecord): Promise<ImageRecord>;

  /** Saves what was made from version `record.version`. Undefined: somebody else has saved in the meantime. */
  saveImage(record: ImageRecord): Promise<ImageRecord | undefined>;
}
