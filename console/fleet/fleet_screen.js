/** Fleet: what each runtime has to do, does and costs, from the environment's own metrics. */
import { ApiError } from "../api/errors.js";
import { usePolling } from "../api/polling.js";
import { asTime } from "../shell/moments.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";
import { asMoney, asNumber } from "./amounts.js";
import { Figure } from "./figure.js";
import { RuntimePanel } from "./runtime_panel.js";

/** @import {Fleet} from "../api/types.js" */

/** @param {{api: import("../api/client.js").ApiClient}} properties */
export function FleetScreen({ api }) {
  const { answer: fleet, error, refresh } = usePolling(() => api.readFleet(), [api]);
  return html`
    <div class="screen">
      <h1>${TEXT.shell.screens.fleet}</h1>
      ${error instanceof ApiError && html`<p class="trouble" role="alert">${TEXT.fleet.refused(error.message)}</p>`}
      ${!fleet && !error && html`<p class="empty" role="status">${TEXT.shell.loading}</p>`}
      ${fleet && html`
        <${Environment} fleet=${fleet} />
        <div class="runtimes">
          ${fleet.runtimes.map((runtime) => html`
            <${RuntimePanel} key=${runtime.name} api=${api} runtime=${runtime} currency=${fleet.cost?.currency} onChange=${refresh} />
          `)}
        </div>
        <p class="hint fleet-time">${TEXT.fleet.readAt(asTime(fleet.at))}</p>
      `}
    </div>
  `;
}

/** @param {{fleet: Fleet}} properties */
function Environment({ fleet }) {
  const { cost, nodes } = fleet;
  return html`
    <dl class="figures" aria-label=${TEXT.fleet.environment}>
      <${Figure} name=${TEXT.fleet.figures.nodes} value=${asNumber(nodes)} />
      <${Figure} name=${TEXT.fleet.figures.costHour} value=${asMoney(cost?.last_hour, cost?.currency)} />
      <${Figure} name=${TEXT.fleet.figures.costDay} value=${asMoney(cost?.last_day, cost?.currency)} />
    </dl>
  `;
}
