/** Cold starts of the environment over the last day: what replicas waited for, as a bar of its parts. */
import { PARTS } from "../api/cold_start.js";
import { asDuration, asTime } from "../shell/moments.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";

/** @import {Fleet} from "../api/types.js" */

/** Cold starts that are shown, the newest first. */
const SHOWN = 6;

/** @typedef {{at: string, parts: number[], all: number}} Start `parts` are seconds, in the order of PARTS. */

/** @param {{fleet: Fleet}} properties */
export function ColdStarts({ fleet }) {
  const starts = startsOf(fleet);
  const text = TEXT.fleet.coldStarts;
  if (!starts.length) return html`<p class="hint">${text.none}</p>`;
  const longest = Math.max(...starts.map(({ all }) => all));
  return html`
    <ul class="legend small" aria-hidden="true">
      ${PARTS.map((part, index) => html`<li key=${part} class="part-${index}">${text.parts[part]}</li>`)}
    </ul>
    <ol class="cold-starts small">
      ${starts.map((start) => html`
        <li key=${start.at}>
          <div class="row spread"><span>${asTime(start.at)}</span><strong>${asDuration(start.all * 1000)}</strong></div>
          <${Bar} start=${start} longest=${longest} />
        </li>
      `)}
    </ol>
  `;
}

/** @param {{start: Start, longest: number}} properties */
function Bar({ start, longest }) {
  const words = start.parts.map((seconds, index) => `${TEXT.fleet.coldStarts.parts[PARTS[index]]} ${asDuration(seconds * 1000)}`);
  let before = 0;
  return html`
    <svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label=${words.join(", ")}>
      ${start.parts.map((seconds, index) => {
        const x = (before / longest) * 100;
        before += seconds;
        return html`<rect key=${index} class="part-${index}" x=${x} width=${(seconds / longest) * 100} height="4" />`;
      })}
    </svg>
  `;
}

/** @param {Fleet} fleet @returns {Start[]} Mean of each period in which a replica started, the newest first. */
function startsOf({ cold_starts: series, chart_begins_at: begin, chart_period_seconds: period }) {
  const starts = [];
  for (let index = series[PARTS[0]].length - 1; index >= 0 && starts.length < SHOWN; index -= 1) {
    const parts = PARTS.map((part) => series[part]?.[index] ?? 0);
    const all = parts.reduce((sum, seconds) => sum + seconds, 0);
    if (all) starts.push({ at: new Date(new Date(begin).getTime() + index * period * 1000).toISOString(), parts, all });
  }
  return starts;
}
