/** Messages that could not be delivered, with their reasons, and the button that sends them again. */
import { asTime } from "../shell/moments.js";
import { placeOf } from "../shell/router.js";
import { TEXT } from "../strings.js";
import { html, useState } from "../view.js";

/** @import {DeadLetters as Letters} from "../api/types.js" */

/**
 * @param {{api: import("../api/client.js").ApiClient, runtime: string, letters: Letters, onChange: () => void}} properties
 */
export function DeadLetters({ api, runtime, letters, onChange }) {
  const [outcome, setOutcome] = useState("");
  const [isBusy, setBusy] = useState(false);
  const text = TEXT.fleet.deadLetters;
  const redrive = async () => {
    setBusy(true);
    try {
      const { redriven } = await api.redrive(runtime);
      setOutcome(text.redriven(redriven));
      onChange();
    } catch (error) {
      setOutcome(/** @type {Error} */ (error).message);
    }
    setBusy(false);
  };
  return html`
    <div class="row spread">
      <p>${letters.count ? text.count(letters.count) : text.none}</p>
      ${letters.count > 0 && html`
        <button type="button" disabled=${isBusy} aria-label=${text.label(runtime)} onClick=${redrive}>${text.redrive}</button>
      `}
    </div>
    <p class="small" role="status">${outcome}</p>
    <ul class="dead-letters small">
      ${letters.tasks.map(({ id, reason, at }) => html`
        <li key=${id}>
          <div class="row spread">
            <a class="code" href=${placeOf("look", { id })}>${id}</a><span class="muted">${asTime(at)}</span>
          </div>
          <p>${reason}</p>
        </li>
      `)}
    </ul>
  `;
}
