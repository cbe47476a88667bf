/** Facts of a task: times, prompt, parameters, and what the Web UI wrote about its picture. */
import { fieldOf } from "../create/task_form.js";
import { asDuration, asTime } from "../shell/moments.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";

/** @import {RecordedRequest, ShownTask} from "../api/types.js" */

/** Fields of a request that are shown by other means, or that are too long to show. */
const LONG_FIELDS = new Set(["prompt", "negative_prompt", "init_images", "image", "imageList", "mask", "alwayson_scripts"]);

/** @param {string} name Field of a request. @returns {string} Its name in the form, or in the request if the form lacks it. */
function labelOf(name) {
  return TEXT.create.fields[fieldOf(name) ?? ""] ?? name;
}

/** @param {{task: ShownTask, request: RecordedRequest | null, words: string | null, number: number}} properties */
export function TaskFacts({ task, request, words, number }) {
  const text = TEXT.look.facts;
  const content = request?.task.content ?? {};
  const info = request?.info;
  const seed = info?.all_seeds?.[number] ?? info?.seed ?? content.seed;
  const prompt = content.prompt ?? task.prompt;
  /** @type {[string, string][]} */
  const rows = [
    [text.seed, seed === undefined ? "" : String(seed)],
    ...Object.entries(content)
      .filter(([name, value]) => !LONG_FIELDS.has(name) && name !== "seed" && value !== null)
      .map(([name, value]) => /** @type {[string, string]} */ ([labelOf(name), typeof value === "string" ? value : JSON.stringify(value)])),
    [text.model, String(content.alwayson_scripts?.sd_model_checkpoint ?? info?.sd_model_name ?? "")],
    [text.runtime, task.runtime],
    [text.key, task.key ?? ""],
    [text.type, TEXT.task.types[task.tasktype] ?? task.tasktype],
    [text.submitted, asTime(task.submitted_at)],
    [text.waited, task.delay_ms === null ? "" : asDuration(task.delay_ms)],
    [text.ran, task.execution_ms === null ? "" : asDuration(task.execution_ms)],
    [text.attempts, task.attempts > 1 ? String(task.attempts) : ""],
    [text.folder, task.output_location],
  ];
  return html`
    ${prompt && html`<p class="prompt-text">${String(prompt)}</p>`}
    ${content.negative_prompt && html`<p class="muted small">${text.negative(String(content.negative_prompt))}</p>`}
    ${words && html`<pre class="code-box">${words}</pre>`}
    <dl class="facts">
      ${rows.filter(([, value]) => value).map(([name, value]) => html`<dt key=${name}>${name}</dt><dd>${value}</dd>`)}
    </dl>
    ${info?.infotexts?.[number] && html`
      <details>
        <summary>${text.infotext}</summary>
        <pre class="code-box">${String(info.infotexts[number])}</pre>
      </details>
    `}
  `;
}
