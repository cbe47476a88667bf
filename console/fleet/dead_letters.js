/** Tasks whose messages could not be delivered, with their reasons, and the buttons that send them again. */
import { asTime } from "../shell/moments.js";
import { placeOf } from "../shell/router.js";
import { TEXT } from "../strings.js";
import { html, useState } from "../view.js";

/** @import {DeadLetter} from "../api/types.js" */

/** @param {{api: import("../api/client.js").ApiClient, letters: DeadLetter[], onChange: () => void}} properties */
export function DeadLetters({ api, letters, onChange }) {
  const [outcome, setOutcome] = useState("");
  const text = TEXT.fleet.deadLetters;
  /** @param {string} id */
  const redrive = async (id) => {
    try {
      await api.retryTask(id);
      setOutcome(text.redriven(id));
      onChange();
    } catch (error) {
      setOutcome(/** @type {Error} */ (error).message);
    }
  };
  return html`
    <details open=${letters.length > 0}>
      <summary>${text.title(letters.length)}</summary>
      ${!letters.length && html`<p class="hint">${text.none}</p>`}
      <ul class="dead-letters small">
        ${letters.map(({ id, message, completed_at: moment }) => html`
          <li key=${id}>
            <div class="row spread">
              <a class="code" href=${placeOf("look", { id })}>${id}</a>
              <button type="button" aria-label=${text.label(id)} onClick=${() => redrive(id)}>${text.redrive}</button>
            </div>
            <p>${message}</p>
            <p class="muted">${asTime(moment)}</p>
          </li>
        `)}
      </ul>
    </details>
    <p class="small" role="status">${outcome}</p>
  `;
}
