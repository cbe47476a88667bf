/** Error of a task and what its sender can do. */
import { TEXT } from "../strings.js";
import { html } from "../view.js";

/** @param {{task: import("../api/types.js").ShownTask}} properties */
export function TaskTrouble({ task }) {
  const { error } = task;
  if (!error || task.status === "CANCELLED") return null;
  // The message repeats the details where there are some.
  const message = error.details?.length ? "" : error.message;
  return html`
    <div class="trouble small">
      <p><strong class="code">${error.code}</strong> ${message}</p>
      ${error.details?.map(({ field, message }) => html`<p key=${field}><span class="code">${field}</span>: ${message}</p>`)}
      <p>${TEXT.task.advice[error.code] ?? TEXT.task.noAdvice}</p>
    </div>
  `;
}
