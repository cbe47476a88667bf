/** Card of a task: its state, what it waits for, its progress and picture, and what can be done with it. */
import { safeLink } from "../api/links.js";
import { isActive, isUnsuccessful, picturesOf, smallView } from "../api/task_facts.js";
import { placeOf } from "../shell/router.js";
import { TEXT } from "../strings.js";
import { html } from "../view.js";
import { TaskActions } from "./task_actions.js";
import { TaskProgress } from "./task_progress.js";
import { TaskTrouble } from "./task_trouble.js";

/** @import {ShownTask} from "../api/types.js" */

/**
 * @param {{api: import("../api/client.js").ApiClient, task: ShownTask, isLarge?: boolean, onChange: () => void}} properties
 */
export function TaskCard({ api, task, isLarge = false, onChange }) {
  const picture = viewOf(task);
  const prompt = task.prompt ?? "";
  const frame = html`
    <a class="picture-frame" href=${placeOf("look", { id: task.id })}>
      ${picture
        ? html`<img class="picture" src=${picture} alt=${TEXT.task.picture(prompt || task.id)} loading="lazy" />`
        : html`<span class="picture" aria-hidden="true"></span><span class="hidden-text">${TEXT.task.open}</span>`}
    </a>
  `;
  return html`
    <article class=${`card ${isLarge ? "card-large" : "card-with-picture"}`} aria-label=${TEXT.task.card(task.id)}>
      ${!isLarge && frame}
      <div class="card-body">
        <div class="row spread">
          <span class="state state-${task.status}">${TEXT.task.states[task.status]}</span>
          <span class="hint">${task.runtime} · ${TEXT.task.types[task.tasktype] ?? task.tasktype}</span>
        </div>
        ${prompt && html`<p class="prompt-line">${prompt}</p>`}
        <p class="small"><a class="code" href=${placeOf("look", { id: task.id })}>${task.id}</a></p>
        ${isActive(task) && html`<${TaskProgress} api=${api} task=${task} />`}
        ${isUnsuccessful(task) && html`<${TaskTrouble} task=${task} />`}
        <${TaskActions} api=${api} task=${task} onChange=${onChange} />
      </div>
      ${/* A large picture that arrives would move the buttons below it. */ isLarge && picture && frame}
    </article>
  `;
}

/** @param {ShownTask} task @returns {string | undefined} Picture so far, or the first picture. */
function viewOf(task) {
  if (isActive(task)) return safeLink(task.preview);
  const [first] = picturesOf(task);
  return first && smallView(first);
}
