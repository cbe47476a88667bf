/** Parts of the start of a replica that a task waits for: those that are done, the present one, and their usual times. */
import { PARTS, useColdStart } from "../api/cold_start.js";
import { asDuration } from "../shell/moments.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";

/** @import {ApiClient} from "../api/client.js" */
/** @import {ShownTask} from "../api/types.js" */

/** Parts that each phase of a replica that reports has reached. Before its first report, node and image are on their way. */
const REACHED = { models: PARTS.indexOf("model_seconds"), webui: PARTS.indexOf("ready_seconds") };
const FIRST_REPORTED = REACHED.models;

/** @param {{api: ApiClient, runtime: string, wait: NonNullable<ShownTask["waits_for"]>}} properties */
export function StartParts({ api, runtime, wait }) {
  const usual = useColdStart(api, runtime);
  const text = TEXT.task.start;
  const reached = Math.max(...wait.starting.map(({ phase }) => REACHED[phase]), -1);
  /** @param {number} index */
  const isPresent = (index) => (reached < 0 ? index < FIRST_REPORTED : index === reached);
  return html`
    <ol class="start-parts small" aria-label=${text.label}>
      ${PARTS.map((part, index) => html`
        <li key=${part} class=${index < reached ? "done" : ""} aria-current=${isPresent(index) ? "step" : undefined}>
          ${text.part(TEXT.fleet.coldStarts.parts[part], typeof usual[part] === "number" ? asDuration(usual[part] * 1000) : "")}
        </li>
      `)}
    </ol>
    ${reached < 0 && html`<p class="small muted">${text.unreported}</p>`}
  `;
}
