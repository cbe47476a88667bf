/** What a user can do with a task in its present state: cancel it, or send it again. */
import { isActive, isRetryable } from "../api/task_facts.js";
import { TEXT } from "../strings.js";
import { html, useState } from "../view.js";

/** @param {{api: import("../api/client.js").ApiClient, task: import("../api/types.js").ShownTask, onChange: () => void}} properties */
export function TaskActions({ api, task, onChange }) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  /** @param {() => Promise<unknown>} act */
  const run = async (act) => {
    if (isBusy) return;
    setBusy(true);
    setProblem("");
    try {
      await act();
      onChange();
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
    }
    setBusy(false);
  };
  if (!isActive(task) && !isRetryable(task)) return null;
  const { cancel, retry } = TEXT.task.actions;
  return html`
    <div class="row">
      ${isActive(task) && html`
        <button type="button" aria-disabled=${isBusy} aria-label=${cancel.label(task.id)} onClick=${() => run(() => api.cancelTask(task.id))}>
          ${cancel.text}
        </button>
      `}
      ${isRetryable(task) && html`
        <button type="button" aria-disabled=${isBusy} aria-label=${retry.label(task.id)} onClick=${() => run(() => api.retryTask(task.id))}>
          ${retry.text}
        </button>
      `}
    </div>
    <p class="problem" role="alert">${problem}</p>
  `;
}
