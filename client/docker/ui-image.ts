// The image of the notebook pages. session/start-pages.ts has it built, ui-container.ts runs it.
import type { ImageToBuild } from './built-image.ts';

export interface UiImageSettings {
  /** Folder of its Dockerfile. */
  source: string;
  baseImage: string;
  /** Tests have one of their own. */
  repository?: string;
}

export function uiImage({
  source,
  baseImage,
  repository = 'datalab-ui',
}: UiImageSettings): ImageToBuild {
  return {
    ...{ repository, source, buildArguments: { BASE_IMAGE: baseImage } },
    what: 'notebook pages',
    advice: ` It begins with ${baseImage} (DATALAB_UI_BASE_IMAGE). Without it: --ui process.`,
  };
}
