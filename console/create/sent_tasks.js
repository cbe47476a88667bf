/** Tasks that were sent from the form, live. */
import { usePolling } from "../api/polling.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";
import { TaskCard } from "../watch/task_card.js";

/** @param {{api: import("../api/client.js").ApiClient, ids: string[]}} properties */
export function SentTasks({ api, ids }) {
  const { answer, refresh } = usePolling(() => Promise.all(ids.map((id) => api.readTask(id))), [api, ids]);
  const tasks = answer ?? [];
  if (!ids.length) {
    return html`
      <section class="panel stack" aria-labelledby="sent">
        <h2 id="sent">${TEXT.create.sent.title}</h2>
        <p class="muted">${TEXT.create.sent.empty}</p>
      </section>
    `;
  }
  return html`
    <section class="stack" aria-labelledby="sent">
      <h2 id="sent">${TEXT.create.sent.title}</h2>
      <div class="cards">
        ${tasks.map((task) => html`<${TaskCard} key=${task.id} api=${api} task=${task} isLarge onChange=${refresh} />`)}
      </div>
    </section>
  `;
}
