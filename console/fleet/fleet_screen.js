/** Fleet: what each runtime has to do, does and costs, from the environment's own metrics. */
import { ApiError } from "../api/errors.js";
import { LONGEST_MS } from "../api/poller.js";
import { usePolling } from "../api/polling.js";
import { asTime } from "../shell/moments.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";
import { asMoney, asNumber, sumOf } from "./amounts.js";
import { Chart } from "./chart.js";
import { ColdStarts } from "./cold_starts.js";
import { Figure } from "./figure.js";
import { RuntimePanel } from "./runtime_panel.js";

/** @import {Fleet} from "../api/types.js" */

/** @param {{api: import("../api/client.js").ApiClient}} properties */
export function FleetScreen({ api }) {
  // Its times change with each answer, which is the most expensive one of the API.
  const { answer: fleet, error, refresh } = usePolling(() => api.readFleet(), [api], LONGEST_MS);
  return html`
    <div class="screen">
      <h1>${TEXT.shell.screens.fleet}</h1>
      ${error instanceof ApiError && html`<p class="trouble" role="alert">${TEXT.fleet.refused(error.message)}</p>`}
      ${!fleet && !error && html`<p class="empty" role="status">${TEXT.shell.loading}</p>`}
      ${fleet && html`
        <div class="runtimes">
          <${Environment} fleet=${fleet} />
          ${fleet.runtimes.map((runtime) => html`<${RuntimePanel} key=${runtime.name} api=${api} runtime=${runtime} onChange=${refresh} />`)}
        </div>
        <p class="hint fleet-time">${TEXT.fleet.readAt(asTime(fleet.measured_at))}</p>
      `}
    </div>
  `;
}

/** @param {{fleet: Fleet}} properties */
function Environment({ fleet }) {
  const { runtimes, nodes } = fleet;
  const text = TEXT.fleet;
  /** @type {[keyof typeof text.figures, string][]} */
  const figures = [
    ["costHour", asMoney(sumOf(runtimes.map(({ last_hour: hour }) => hour.cost_usd)))],
    ["costDay", asMoney(sumOf(runtimes.map(({ last_day: day }) => day.cost_usd)))],
    ["nodes", asNumber(nodes?.findLast((value) => value !== null))],
    ["unreadable", asNumber(fleet.unreadable_messages)],
    ["webhooks", asNumber(fleet.undelivered_webhooks)],
  ];
  return html`
    <section class="panel stack environment" aria-labelledby="environment">
      <h2 id="environment">${text.environment}</h2>
      <dl class="figures">
        ${figures.map(([key, value]) => html`<${Figure} key=${key} name=${text.figures[key]} value=${value} />`)}
      </dl>
      ${nodes && html`<${Chart} name=${text.charts.nodes} values=${nodes} show=${asNumber} />`}
      <h3>${text.coldStarts.title}</h3>
      <${ColdStarts} fleet=${fleet} />
    </section>
  `;
}
