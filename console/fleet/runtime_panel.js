/** Numbers, charts and dead letters of one runtime. */
import { asDuration } from "../shell/moments.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";
import { asCount, asMoney, asNumber, asPercent } from "./amounts.js";
import { Chart } from "./chart.js";
import { DeadLetters } from "./dead_letters.js";
import { Figure } from "./figure.js";

/** @import {RuntimeFleet} from "../api/types.js" */

const MINUTES_OF_AN_HOUR = 60;

/** @param {{api: import("../api/client.js").ApiClient, runtime: RuntimeFleet, onChange: () => void}} properties */
export function RuntimePanel({ api, runtime, onChange }) {
  const { name, chart, dead_letters: letters } = runtime;
  const text = TEXT.fleet;
  const id = `runtime-${name}`;
  return html`
    <section class="panel stack" aria-labelledby=${id}>
      <h2 id=${id}>${name}</h2>
      <dl class="figures">
        ${figuresOf(runtime).map(([key, value]) => html`<${Figure} key=${key} name=${text.figures[key]} value=${value} />`)}
      </dl>
      <div class="charts">
        <${Chart} name=${text.charts.pictures} values=${chart.pictures} show=${asCount} />
        <${Chart} name=${text.charts.failed} values=${chart.failed} show=${asCount} />
        <${Chart} name=${text.charts.replicas} values=${chart.replicas} show=${asNumber} />
        <${Chart} name=${text.charts.busy} values=${chart.busy_share} most=${1} show=${asPercent} />
      </div>
      <p class="hint">${text.charts.span}${runtime.price && ` ${text.price(asMoney(runtime.price.usd_per_hour), runtime.price.basis)}`}</p>
      <${DeadLetters} api=${api} letters=${letters} onChange=${onChange} />
    </section>
  `;
}

/** @param {RuntimeFleet} runtime @returns {[keyof typeof TEXT.fleet.figures, string][]} */
function figuresOf({ queue, replicas, busy_share: busy, last_hour: hour, last_day: day }) {
  const atLeast = queue.is_complete ? "" : "> ";
  return [
    ["waiting", atLeast + asNumber(queue.waiting)],
    ["running", atLeast + asNumber(queue.running)],
    ["oldest", queue.oldest_seconds === null ? TEXT.fleet.nothing : asDuration(queue.oldest_seconds * 1000)],
    ["replicas", TEXT.fleet.replicas(replicas.live, replicas.busy)],
    ["busy", asPercent(busy)],
    ["pace", asNumber(hour.pictures / MINUTES_OF_AN_HOUR)],
    ["failed", asNumber(hour.failed + hour.timed_out)],
    ["costHour", asMoney(hour.cost_usd)],
    ["costDay", asMoney(day.cost_usd)],
  ];
}
