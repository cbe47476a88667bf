/** Picture of a task as large as the window allows, and the choice among several. */
import { safeLink } from "../api/links.js";
import { smallView } from "../api/task_facts.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";

/** @import {Output, ShownTask} from "../api/types.js" */

/**
 * @param {{task: ShownTask | null, pictures: Output[], number: number, onNumber: (number: number) => void}} properties
 */
export function PictureStage({ task, pictures, number, onNumber }) {
  const address = safeLink(pictures[number]?.url ?? task?.preview);
  const prompt = task?.prompt || task?.id || "";
  return html`
    <div class="picture-stage">
      ${address
        ? html`<img src=${address} alt=${TEXT.task.picture(prompt)} />`
        : html`<p class="muted">${task ? TEXT.look.noPicture : ""}</p>`}
      ${pictures.length > 1 && html`
        <div class="picture-strip" role="group" aria-label=${TEXT.look.pictures}>
          ${pictures.map((picture, index) => html`
            <button
              key=${picture.s3_url} type="button" aria-current=${index === number ? "true" : undefined}
              aria-label=${TEXT.look.pictureNumber(index + 1, pictures.length)} onClick=${() => onNumber(index)}
            >
              <img src=${smallView(picture)} alt="" loading="lazy" />
            </button>
          `)}
        </div>
      `}
    </div>
  `;
}
