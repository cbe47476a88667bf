/** Input picture: dropped, pasted, chosen from a file, or named by a link. */
import { PICTURE_TYPES, uploadPicture } from "../api/upload.js";
import { safeLink } from "../api/links.js";
import { TEXT } from "../strings.js";
import { html, useEffect, useRef, useState } from "../view.js";
import { attributesOf, takenFile } from "./fields.js";

/** @import {ApiClient} from "../api/client.js" */
/** @import {InputPicture} from "./task_form.js" */

/**
 * @param {{api: ApiClient, picture: InputPicture | null, isShown: boolean, problem?: string,
 *   onChange: (picture: InputPicture | null) => void}} properties
 */
export function PictureField({ api, picture, isShown, problem, onChange }) {
  const [isUploading, setUploading] = useState(false);
  const [refusal, setRefusal] = useState("");
  const [isOver, setOver] = useState(false);
  const newest = useRef(/** @type {Blob | null} */ (null));
  const shown = problem || refusal;

  // Otherwise a late upload would replace what was chosen since, and the draft with the form of an earlier visit.
  useEffect(() => () => void (newest.current = null), []);

  /** @param {InputPicture | null} chosen */
  const choose = (chosen) => {
    newest.current = null;
    setUploading(false);
    onChange(chosen);
  };
  /** @param {Blob | null | undefined} file */
  const upload = async (file) => {
    if (!file) return;
    newest.current = file;
    setUploading(true);
    setRefusal("");
    try {
      const link = await uploadPicture(api, file);
      const view = URL.createObjectURL(file);
      const name = file instanceof File ? file.name : TEXT.create.picture.pasted;
      const uploaded = { link, name, view, ...(await sizeOf(view)) };
      if (newest.current === file) choose(uploaded);
    } catch (error) {
      if (newest.current !== file) return;
      setUploading(false);
      setRefusal(/** @type {Error} */ (error).message);
    }
  };

  useEffect(() => {
    /** @param {ClipboardEvent} event */
    const paste = (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
      if (!file) return;
      event.preventDefault();
      upload(file);
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  });

  /** @param {DragEvent} event */
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    upload(event.dataTransfer?.files[0]);
  };
  /** @param {DragEvent} event */
  const allow = (event) => {
    event.preventDefault();
    setOver(true);
  };
  const view = isShown ? safeLink(picture?.view) : undefined;
  return html`
    <div class="field">
      <span class="label" id="picture-label">${TEXT.create.picture.label}</span>
      <div
        class=${isOver ? "drop over" : "drop"} role="group" aria-labelledby="picture-label"
        onDragOver=${allow} onDragLeave=${() => setOver(false)} onDrop=${drop}
      >
        ${picture && html`<${Picked} picture=${picture} view=${view} onRemove=${() => choose(null)} />`}
        <div class="row">
          <input
            ...${attributesOf("picture-file", shown)} class="visually-file" type="file" accept=${PICTURE_TYPES.join()}
            onChange=${(/** @type {any} */ event) => upload(takenFile(event.target))}
          />
          <label class="button" for="picture-file">
            ${isUploading ? TEXT.create.picture.uploading : TEXT.create.picture.choose}
          </label>
          <span class="hint">${TEXT.create.picture.hint}</span>
        </div>
        <input
          ...${attributesOf("picture", shown)} aria-label=${TEXT.create.picture.link} type="url"
          placeholder=${TEXT.create.picture.linkPlaceholder} value=${picture?.link ?? ""} autocomplete="off"
          onInput=${(/** @type {any} */ event) => choose(namedBy(event.target.value.trim()))}
        />
        <p id="picture-problem" class="problem" role="alert">${shown}</p>
      </div>
    </div>
  `;
}

/** @param {{picture: InputPicture, view: string | undefined, onRemove: () => void}} properties */
function Picked({ picture, view, onRemove }) {
  return html`
    <div class="picked stack">
      ${view && html`<img src=${view} alt=${TEXT.create.picture.alt(picture.name)} />`}
      <div class="row spread">
        <span class="small">${picture.name}</span>
        <button type="button" onClick=${onRemove}>${TEXT.create.picture.remove}</button>
      </div>
    </div>
  `;
}

/** @param {string} link @returns {InputPicture | null} */
function namedBy(link) {
  return link ? { link, name: link.split(/[?#]/)[0].split("/").at(-1) || link } : null;
}

/** @param {string} view @returns {Promise<{width: number, height: number} | {}>} Size, or nothing if the browser cannot read it. */
async function sizeOf(view) {
  const picture = new Image();
  picture.src = view;
  try {
    await picture.decode();
  } catch {
    return {};
  }
  return { width: picture.naturalWidth, height: picture.naturalHeight };
}
