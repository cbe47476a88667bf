/** Create: the form of a task, its request in other languages, and what became of the tasks sent from here. */
import { ApiError } from "../api/errors.js";
import { uploadPicture } from "../api/upload.js";
import { TEXT } from "../strings.js";
import { html, useRef, useState } from "../view.js";
import { addSentTask, draft, keepDraft, sentTasks } from "./draft.js";
import { RequestViews } from "./request_views.js";
import { useRuntimes } from "./runtime_options.js";
import { SentTasks } from "./sent_tasks.js";
import { TaskFields } from "./task_fields.js";
import { fieldOf, newTaskId, taskOf } from "./task_form.js";
import { TASK_KINDS } from "./task_kinds.js";

/** @import {ApiClient} from "../api/client.js" */
/** @import {Runtime} from "../api/types.js" */
/** @import {FormValues} from "./task_form.js" */

/** @typedef {{fields: Record<string, string>, general: string[]}} Problems */
/** @type {Problems} */
const NO_PROBLEMS = { fields: {}, general: [] };
/** Id in the request views, before the form is sent. */
const EXAMPLE_ID = "my-picture";

/** @param {{api: ApiClient}} properties */
export function CreateScreen({ api }) {
  const [form, setForm] = useState(draft);
  const [problems, setProblems] = useState(NO_PROBLEMS);
  const { runtimes, error, reload } = useRuntimes(api);
  const [isSending, setSending] = useState(false);
  const [sent, setSent] = useState(sentTasks);
  const mask = useRef(/** @type {() => Promise<Blob> | null} */ (() => null));
  const side = useRef(/** @type {HTMLElement | null} */ (null));
  const element = useRef(/** @type {HTMLFormElement | null} */ (null));

  // The API refuses a task without a runtime, and the form gets one once the runtimes have loaded.
  const isReady = !isSending && Boolean(form.runtime);

  /** @param {Partial<FormValues>} changed */
  const change = (changed) => {
    setForm((known) => {
      const values = { ...known, ...changed };
      keepDraft(values);
      return values;
    });
    const names = Object.keys(changed);
    setProblems((known) => ({
      general: [],
      fields: Object.fromEntries(
        Object.entries(known.fields).filter(([name]) => !names.includes(name.includes(".inputs.") ? "workflow" : name)),
      ),
    }));
  };

  /** @param {Problems} found */
  const show = (found) => {
    setProblems(found);
    // The first field at fault gets the focus once it is drawn.
    requestAnimationFrame(() => {
      const field = element.current?.querySelector('[aria-invalid="true"], [role="alert"]:not(:empty)');
      if (field instanceof HTMLElement) field.focus();
    });
  };

  /** @param {Event} event */
  const send = async (event) => {
    event.preventDefault();
    if (!isReady) return;
    const missing = missingIn(form, mask.current);
    if (missing) return show({ ...NO_PROBLEMS, fields: missing });
    setSending(true);
    try {
      const { id_task: id } = await api.submitTask(taskOf(await withMask(form, mask.current, api), newTaskId()));
      setProblems(NO_PROBLEMS);
      setSent(addSentTask(id));
      // On a narrow page the new task is below the form.
      side.current?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    } catch (error) {
      show(problemsOf(/** @type {Error} */ (error)));
    }
    setSending(false);
  };
  /** @param {KeyboardEvent} event */
  const sendByKey = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) element.current?.requestSubmit();
  };

  return html`
    <div class="screen">
      <h1 class="hidden-text">${TEXT.shell.screens.create}</h1>
      <div class="create">
        <form class="panel stack" ref=${element} onSubmit=${send} onKeyDown=${sendByKey} novalidate>
          <${TaskFields}
            api=${api} runtimes=${runtimes ?? []} form=${form} problems=${problems.fields} onChange=${change}
            onPaint=${(/** @type {() => Promise<Blob> | null} */ painted) => (mask.current = painted)}
          />
          <div role="alert" class=${problems.general.length ? "trouble" : ""} tabindex="-1">
            ${problems.general.map((text) => html`<p key=${text}>${text}</p>`)}
          </div>
          <div class="row send">
            <button class="primary large" type="submit" aria-disabled=${!isReady}>
              ${isSending ? TEXT.create.sending : TEXT.create.send}
            </button>
            <span class="hint" role="status">${stateOf({ form, runtimes, error })}</span>
            ${error && html`<button type="button" onClick=${reload}>${TEXT.shell.again}</button>`}
            ${form.runtime && html`<span class="hint keys">${TEXT.create.sendHint}</span>`}
          </div>
        </form>
        <div class="stack create-side" ref=${side}>
          <${SentTasks} api=${api} ids=${sent} />
          <${RequestViews} request=${taskOf(form, EXAMPLE_ID)} base=${api.base} />
        </div>
      </div>
    </div>
  `;
}

/**
 * @param {{form: FormValues, runtimes: Runtime[] | null, error: Error | null}} state
 * @returns {string} Why the form cannot be sent.
 */
function stateOf({ form, runtimes, error }) {
  const text = TEXT.create;
  if (error) return text.noRuntimes;
  if (form.runtime) return "";
  if (!runtimes) return text.loadingRuntimes;
  return runtimes.length ? text.otherRuntimes : text.emptyRuntimes;
}

/**
 * @param {FormValues} form
 * @param {() => Promise<Blob> | null} painted
 * @returns {Record<string, string> | null} What the form lacks before a request makes sense.
 */
function missingIn(form, painted) {
  const kind = TASK_KINDS[form.kind];
  if (kind.isWorkflow && !form.workflow) return { workflow: TEXT.create.workflow.missing };
  if (kind.hasPicture && !form.picture) return { picture: TEXT.create.picture.missing };
  if (kind.hasMask && !form.mask && !painted()) return { mask: TEXT.create.mask.missing };
  return null;
}

/**
 * @param {FormValues} form
 * @param {() => Promise<Blob> | null} painted
 * @param {ApiClient} api
 * @returns {Promise<FormValues>} Values with the link of the painted mask.
 */
async function withMask(form, painted, api) {
  const mask = TASK_KINDS[form.kind].hasMask ? await painted() : null;
  return mask ? { ...form, mask: { link: await uploadPicture(api, mask), name: "mask.png" } } : form;
}

/** @param {Error} error @returns {Problems} */
function problemsOf(error) {
  if (!(error instanceof ApiError)) return { ...NO_PROBLEMS, general: [error.message] };
  /** @type {Problems} */
  const problems = { fields: {}, general: [] };
  for (const { field, message } of error.details) {
    const name = fieldOf(field);
    if (name) problems.fields[name] = message;
    else problems.general.push(`${field}: ${message}`);
  }
  if (!error.details.length) problems.general.push(error.message);
  return problems;
}
