/** Numbers, charts, cold starts and dead letters of one runtime. */
import { asDuration } from "../shell/moments.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";
import { asMoney, asNumber, asPercent } from "./amounts.js";
import { Chart } from "./chart.js";
import { ColdStarts } from "./cold_starts.js";
import { DeadLetters } from "./dead_letters.js";
import { Figure } from "./figure.js";

/** @import {FleetRuntime} from "../api/types.js" */

/**
 * @param {{api: import("../api/client.js").ApiClient, runtime: FleetRuntime, currency?: string, onChange: () => void}} properties
 */
export function RuntimePanel({ api, runtime, currency, onChange }) {
  const { name, series } = runtime;
  const text = TEXT.fleet;
  const id = `runtime-${name}`;
  return html`
    <section class="panel stack" aria-labelledby=${id}>
      <div class="row spread"><h2 id=${id}>${name}</h2><span class="hint">${runtime.type}</span></div>
      <dl class="figures">
        ${figuresOf(runtime, currency).map(([key, value]) => html`<${Figure} key=${key} name=${text.figures[key]} value=${value} />`)}
      </dl>
      <div class="charts">
        <${Chart} name=${text.charts.waiting} values=${series.waiting} show=${asNumber} />
        <${Chart} name=${text.charts.busy} values=${series.busy_share} most=${1} show=${asPercent} />
        <${Chart} name=${text.charts.completed} values=${series.completed} show=${asNumber} />
        <${Chart} name=${text.charts.failed} values=${series.failed} show=${asNumber} />
      </div>
      <p class="hint">${text.charts.span(asDuration(series.period_seconds * series.waiting.length * 1000))}</p>
      <details>
        <summary>${text.coldStarts.title(runtime.cold_starts.length)}</summary>
        <${ColdStarts} starts=${runtime.cold_starts} />
      </details>
      <details open=${runtime.dead_letters.count > 0}>
        <summary>${text.deadLetters.title(runtime.dead_letters.count)}</summary>
        <${DeadLetters} api=${api} runtime=${name} letters=${runtime.dead_letters} onChange=${onChange} />
      </details>
    </section>
  `;
}

/** @param {FleetRuntime} runtime @param {string} [currency] @returns {[keyof typeof TEXT.fleet.figures, string][]} */
function figuresOf({ queue, replicas, busy_share: busy, pictures_per_minute: pace, finished_last_hour: ended, cost }, currency) {
  const failed = (ended.FAILED ?? 0) + (ended.TIMED_OUT ?? 0);
  const oldest = queue.oldest_seconds;
  return [
    ["waiting", asNumber(queue.waiting)],
    ["running", asNumber(queue.running)],
    ["oldest", oldest === null ? TEXT.fleet.unknown : asDuration(oldest * 1000)],
    ["replicas", TEXT.fleet.replicas(replicas.ready, replicas.starting)],
    ["busy", asPercent(busy)],
    ["pace", asNumber(pace)],
    ["failed", asNumber(failed)],
    ["costHour", asMoney(cost?.last_hour, currency)],
    ["costDay", asMoney(cost?.last_day, currency)],
  ];
}
