/** What can be made of a finished picture: a file, an input, or another picture. */
import { safeLink } from "../api/links.js";
import { keepDraft } from "../create/draft.js";
import { EMPTY_FORM, formOf, randomSeed } from "../create/task_form.js";
import { CopyButton } from "../shell/copy_button.js";
import { goTo, placeOf } from "../shell/router.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";
import { DownloadLink } from "./download_link.js";

/** @import {Output, RecordedRequest, ShownTask} from "../api/types.js" */

/** @param {{task: ShownTask, request: RecordedRequest | null, picture: Output | undefined}} properties */
export function PictureActions({ task, request, picture }) {
  const text = TEXT.look.actions;
  const address = safeLink(picture?.url);
  const name = picture?.s3_url.split("/").at(-1) ?? "";

  const useAsInput = async () => {
    const view = await sizedView(address);
    const known = request ? formOf(request.task) : { ...EMPTY_FORM, runtime: task.runtime };
    keepDraft({ ...known, kind: "image", seed: -1, mask: null, picture: { link: picture?.s3_url ?? "", name, ...view } });
    goTo(placeOf("create"));
  };
  const makeAnother = () => {
    if (request) keepDraft({ ...formOf(request.task), seed: randomSeed() });
    goTo(placeOf("create"));
  };
  return html`
    <div class="row">
      ${picture && html`<button type="button" class="primary" onClick=${useAsInput}>${text.useAsInput}</button>`}
      ${request && "prompt" in request.task.content && html`<button type="button" onClick=${makeAnother}>${text.anotherSeed}</button>`}
    </div>
    ${picture && html`
      <div class="row">
        ${address && html`
          <${DownloadLink} address=${address} name=${name} />
          <${CopyButton} text=${address} label=${text.copyLink} />
        `}
        <${CopyButton} text=${picture.s3_url} label=${text.copyS3} />
      </div>
    `}
  `;
}

/** @param {string | undefined} address @returns {Promise<{view?: string, width?: number, height?: number}>} */
async function sizedView(address) {
  if (!address) return {};
  const picture = new Image();
  picture.src = address;
  try {
    await picture.decode();
  } catch {
    return {};
  }
  return { view: address, width: picture.naturalWidth, height: picture.naturalHeight };
}
