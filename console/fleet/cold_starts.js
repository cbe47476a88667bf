/** Cold starts of a runtime: what each waited for, as a bar of its parts. */
import { asDuration, asTime } from "../shell/moments.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";

/** @import {ColdStart} from "../api/types.js" */

/** Parts in the order in which a replica waits for them. */
const PARTS = /** @type {const} */ (["node", "image", "models", "webui", "first_task"]);

/** @param {{starts: ColdStart[]}} properties */
export function ColdStarts({ starts }) {
  if (!starts.length) return html`<p class="hint">${TEXT.fleet.coldStarts.none}</p>`;
  const longest = Math.max(...starts.map(secondsOf), Number.MIN_VALUE);
  return html`
    <ul class="legend small" aria-hidden="true">
      ${PARTS.map((part, index) => html`<li key=${part} class="part-${index}">${TEXT.fleet.coldStarts.parts[part]}</li>`)}
    </ul>
    <ol class="cold-starts small">
      ${starts.map((start) => html`
        <li key=${start.at}>
          <div class="row spread"><span>${asTime(start.at)}</span><strong>${asDuration(secondsOf(start) * 1000)}</strong></div>
          <${Bar} start=${start} longest=${longest} />
        </li>
      `)}
    </ol>
  `;
}

/** @param {{start: ColdStart, longest: number}} properties */
function Bar({ start, longest }) {
  let before = 0;
  const parts = PARTS.map((part, index) => {
    const seconds = start.seconds[part] ?? 0;
    const place = { index, x: (before / longest) * 100, width: (seconds / longest) * 100 };
    before += seconds;
    return place;
  });
  const words = PARTS.filter((part) => start.seconds[part]).map(
    (part) => `${TEXT.fleet.coldStarts.parts[part]} ${asDuration((start.seconds[part] ?? 0) * 1000)}`,
  );
  return html`
    <svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label=${words.join(", ")}>
      ${parts.map(({ index, x, width }) => html`<rect key=${index} class="part-${index}" x=${x} width=${width} height="4" />`)}
    </svg>
  `;
}

/** @param {ColdStart} start */
function secondsOf({ seconds }) {
  return PARTS.reduce((sum, part) => sum + (seconds[part] ?? 0), 0);
}
