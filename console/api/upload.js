/** Upload of an input picture: the API signs a form, and the picture goes straight to S3. */

import { TEXT } from "../strings.js";

/** @import {ApiClient} from "./client.js" */

/** Types that the API accepts for an upload. */
export const PICTURE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff"];

/** Raised when a picture cannot be uploaded, with a message for the user. */
export class UploadRefused extends Error {
  /** @param {"type" | "size" | "storage"} reason @param {number} [maxBytes] */
  constructor(reason, maxBytes = 0) {
    super(TEXT.create.picture.refused[reason](maxBytes));
  }
}

/**
 * @param {ApiClient} api
 * @param {Blob} picture
 * @returns {Promise<string>} Link of the picture for a task.
 */
export async function uploadPicture(api, picture) {
  if (!PICTURE_TYPES.includes(picture.type)) throw new UploadRefused("type");
  const { link, upload, max_bytes: maxBytes } = await api.createUpload(picture.type);
  if (picture.size > maxBytes) throw new UploadRefused("size", maxBytes);
  const form = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
  // S3 ignores every field after the file.
  form.append("file", picture);
  let response;
  try {
    response = await fetch(upload.url, { method: upload.method, body: form, credentials: "omit" });
  } catch {
    throw new UploadRefused("storage");
  }
  if (!response.ok) throw new UploadRefused("storage");
  return link;
}
