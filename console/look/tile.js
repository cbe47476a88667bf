/** Tile of a task: its small picture, or its state and prompt where there is no picture. */
import { safeLink } from "../api/links.js";
import { forgetLink } from "../api/signed_links.js";
import { placeOf } from "../shell/router.js";
import { TEXT } from "../strings.js";
import { html, useState } from "../view.js";

/** @import {ListedTask} from "../api/types.js" */

/** @param {{task: ListedTask, filters: Record<string, string>}} properties */
export function Tile({ task, filters }) {
  const query = Object.fromEntries(Object.entries(filters).filter(([, value]) => value));
  const address = safeLink(task.thumbnail);
  const [broken, setBroken] = useState("");
  const drop = () => {
    if (address) forgetLink(address);
    setBroken(address ?? "");
  };
  const prompt = task.prompt || task.id;
  const count = task.picture_count;
  return html`
    <a class="tile" href=${placeOf("look", { id: task.id, query })}>
      ${address && address !== broken
        ? html`
            <img
              src=${address} alt=${TEXT.task.picture(prompt)} loading="lazy" decoding="async"
              onError=${drop}
            />
            ${count > 1 && html`<span class="tile-count">${TEXT.look.gallery.count(count)}</span>`}
          `
        : html`
            <span class="tile-text">
              <span class="prompt-line">${prompt}</span>
              ${task.error_code && html`<span class="code">${task.error_code}</span>`}
              <span class="state state-${task.status}">${TEXT.task.states[task.status]}</span>
            </span>
          `}
    </a>
  `;
}
