/** Progress of a task: its place in the queue, what it waits for, and the steps that are done. */
import { asBytes, asDuration } from "../shell/moments.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";
import { StartParts } from "./start_parts.js";

/** @import {ShownTask} from "../api/types.js" */

/** @param {{api: import("../api/client.js").ApiClient, task: ShownTask}} properties */
export function TaskProgress({ api, task }) {
  const text = TEXT.task.progress;
  const { models, waits_for: wait } = task;
  const lines = task.status === "IN_QUEUE" ? waitingLines(task) : runningLines(task);
  return html`
    <div class="progress-lines">
      <progress
        max="1" value=${models ? models.bytes_done / Math.max(models.bytes, 1) : task.progress}
        aria-label=${models ? text.modelsLabel : text.label}
      ></progress>
      ${lines.map((line) => html`<p key=${line} class="small muted">${line}</p>`)}
      ${wait?.reason === "replica" && html`<${StartParts} api=${api} runtime=${task.runtime} wait=${wait} />`}
    </div>
  `;
}

/** @param {ShownTask} task @returns {string[]} */
function waitingLines(task) {
  const text = TEXT.task.progress;
  const lines = [];
  if (task.waits_for) lines.push(text.waitsFor[task.waits_for.reason](task.waits_for.replicas));
  for (const { phase, models } of task.waits_for?.starting ?? []) {
    lines.push(phase === "models" ? text.startsWith(asBytes(models.bytes_done), asBytes(models.bytes)) : text.loads);
  }
  if (task.queue_position) lines.push(text.position(task.queue_position));
  if (task.estimated_start_at) {
    const milliseconds = new Date(task.estimated_start_at).getTime() - Date.now();
    lines.push(milliseconds > 0 ? text.startsIn(asDuration(milliseconds)) : text.startsSoon);
  }
  if (!lines.length) lines.push(text.waiting(asDuration(Date.now() - new Date(task.submitted_at).getTime())));
  return lines;
}

/** @param {ShownTask} task @returns {string[]} */
function runningLines(task) {
  const text = TEXT.task.progress;
  if (task.models) return [text.models(asBytes(task.models.bytes_done), asBytes(task.models.bytes))];
  const { sampling_step: step, sampling_steps: steps, job_no: job, job_count: jobs } = task.sampling ?? {};
  const parts = [text.percent(Math.round(task.progress * 100))];
  if (step !== undefined && steps) parts.push(text.step(step, steps));
  if (job !== undefined && jobs !== undefined && jobs > 1) parts.push(text.job(job + 1, jobs));
  return [parts.join(" · ")];
}
