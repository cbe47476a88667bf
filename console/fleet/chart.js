/** Small chart of one metric over time. Minutes without data are gaps. */
import { TEXT } from "../strings.js";
import { html } from "../view.js";

const WIDTH = 240;
const HEIGHT = 48;
/** Room for the half of a line's width at the upper and the lower edge. */
const MARGIN = 2;

/**
 * @param {{name: string, values: (number | null)[], most?: number, show: (value: number | null) => string}} properties
 *   `most` is the upper edge; without it the largest value is.
 */
export function Chart({ name, values, most, show }) {
  const known = values.filter((value) => value !== null);
  const largest = known.length ? Math.max(...known) : null;
  const edge = Math.max(most ?? largest ?? 0, Number.MIN_VALUE);
  // The newest period has just begun, so its value is rarely known.
  const last = known.at(-1) ?? null;
  return html`
    <figure class="chart">
      <figcaption class="row spread"><span>${name}</span><strong>${show(last)}</strong></figcaption>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${TEXT.fleet.charts.label(name, show(last), show(largest))}>
        <path class="chart-ground" d="M0 ${HEIGHT - 1}H${WIDTH}" />
        <path class="chart-line" d=${lineOf(values, edge)} />
        <path class="chart-dot" d=${dotsOf(values, edge)} />
      </svg>
    </figure>
  `;
}

/** @param {(number | null)[]} values @param {number} edge @returns {string} Path with a new part after each gap. */
export function lineOf(values, edge) {
  return values.map((value, index) => {
    const command = (values[index - 1] ?? null) === null ? "M" : "L";
    return value === null ? "" : command + placeOf(values, index, edge);
  }).join("");
}

/** @param {(number | null)[]} values @param {number} edge @returns {string} Dots of the values between two gaps. */
export function dotsOf(values, edge) {
  return values.map((value, index) => {
    const isAlone = value !== null && (values[index - 1] ?? values[index + 1] ?? null) === null;
    // The cap of a line without length is a dot.
    return isAlone ? `M${placeOf(values, index, edge)}h0.01` : "";
  }).join("");
}

/** @param {(number | null)[]} values @param {number} index @param {number} edge */
function placeOf(values, index, edge) {
  const x = index * WIDTH / Math.max(values.length - 1, 1);
  const share = Math.min((values[index] ?? 0) / edge, 1);
  return `${x.toFixed(1)} ${(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)).toFixed(1)}`;
}
