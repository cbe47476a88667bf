/** One task large: its pictures, how they were made, and what can be done with them. */
import { ApiError } from "../api/errors.js";
import { usePolling } from "../api/polling.js";
import { isActive, isUnsuccessful, picturesOf, wordsOf } from "../api/task_facts.js";
import { TEXT } from "../strings.js";
import { html, useEffect, useRef, useState } from "../view.js";
import { TaskActions } from "../watch/task_actions.js";
import { TaskProgress } from "../watch/task_progress.js";
import { TaskTrouble } from "../watch/task_trouble.js";
import { PictureActions } from "./picture_actions.js";
import { PictureStage } from "./picture_stage.js";
import { TaskFacts } from "./task_details.js";

/** @param {{api: import("../api/client.js").ApiClient, id: string, onClose: () => void}} properties */
export function TaskView({ api, id, onClose }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const { answer: task, error, refresh } = usePolling(() => api.readTask(id), [api, id]);
  const request = useLoaded(() => api.readRequest(id), task?.status);
  const words = useLoaded(async () => {
    const hasWords = task?.status === "COMPLETED" && !picturesOf(task).length;
    return hasWords ? wordsOf(await api.readTaskWithOutputs(id)) : "";
  }, task?.status);
  const [number, setNumber] = useState(0);
  useEffect(() => dialog.current?.showModal(), []);

  const pictures = task ? picturesOf(task) : [];
  /** @param {KeyboardEvent} event */
  const turn = (event) => {
    if (event.target instanceof HTMLInputElement) return;
    if (event.key === "ArrowLeft" && number > 0) setNumber(number - 1);
    if (event.key === "ArrowRight" && number < pictures.length - 1) setNumber(number + 1);
  };
  return html`
    <dialog class="picture-view" ref=${dialog} aria-labelledby="task-title" onClose=${onClose} onKeyDown=${turn}>
      <${PictureStage} task=${task} pictures=${pictures} number=${number} onNumber=${setNumber} />
      <div class="picture-side stack">
        <div class="row spread">
          <h2 id="task-title" class="code">${id}</h2>
          <button class="close" type="button" autofocus onClick=${() => dialog.current?.close()}>${TEXT.shell.close}</button>
        </div>
        ${error && html`
          <p class="trouble" role="alert">${error instanceof ApiError ? error.message : TEXT.shell.unreachable}</p>
        `}
        ${!task && !error && html`<p class="muted" role="status">${TEXT.shell.loading}</p>`}
        ${task && html`
          <span class="state state-${task.status}">${TEXT.task.states[task.status]}</span>
          ${isActive(task) && html`<${TaskProgress} api=${api} task=${task} />`}
          ${isUnsuccessful(task) && html`<${TaskTrouble} task=${task} />`}
          <${PictureActions} task=${task} request=${request} picture=${pictures[number]} />
          <${TaskActions} api=${api} task=${task} onChange=${refresh} />
          <${TaskFacts} task=${task} request=${request} words=${words} number=${number} />
        `}
      </div>
    </dialog>
  `;
}

/**
 * @template Answer
 * @param {() => Promise<Answer>} load
 * @param {string | undefined} status State of the task, whose change loads anew.
 * @returns {Answer | null} Null until the API has answered, and where it has nothing.
 */
function useLoaded(load, status) {
  const [loaded, setLoaded] = useState(/** @type {Answer | null} */ (null));
  useEffect(() => {
    if (status) load().then(setLoaded, () => {});
  }, [status]);
  return loaded;
}
