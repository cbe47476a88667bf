/** Watch: the tasks that run, those that wait, and those that ended last, without a reload. */
import { ApiError } from "../api/errors.js";
import { usePolling } from "../api/polling.js";
import { isActive, isListOfNames } from "../api/task_facts.js";
import { placeOf } from "../shell/router.js";
import { TEXT } from "../strings.js";
import { html, useMemo } from "../view.js";
import { TaskCard } from "./task_card.js";

/** @import {ApiClient} from "../api/client.js" */
/** @import {ShownTask} from "../api/types.js" */

/** Tasks of each section. A longer section says so, because each task is a request. */
const SECTION_TASKS = 8;

/** @typedef {{tasks: ShownTask[], hasMore: boolean}} Section */

/** @param {{api: ApiClient}} properties */
export function WatchScreen({ api }) {
  const reader = useMemo(() => new SectionReader(api), [api]);
  const { answer, error, refresh } = usePolling(() => reader.read(), [reader]);
  const isEmpty = answer && Object.values(answer).every(({ tasks }) => !tasks.length);
  return html`
    <div class="screen">
      <h1>${TEXT.shell.screens.watch}</h1>
      ${error instanceof ApiError && html`<p class="trouble" role="alert">${error.message}</p>`}
      ${!answer && !error && html`<p class="empty" role="status">${TEXT.shell.loading}</p>`}
      ${isEmpty && html`
        <div class="empty">
          <p>${TEXT.watch.empty}</p>
          <a class="button" href=${placeOf("create")}>${TEXT.watch.toCreate}</a>
        </div>
      `}
      ${answer && Object.entries(answer).map(([name, section]) => html`
        <${SectionOf} key=${name} name=${name} section=${section} api=${api} onChange=${refresh} />
      `)}
    </div>
  `;
}

/** @param {{name: string, section: Section, api: ApiClient, onChange: () => void}} properties */
function SectionOf({ name, section, api, onChange }) {
  const { tasks, hasMore } = section;
  if (!tasks.length) return null;
  return html`
    <section class="section" aria-labelledby="section-${name}">
      <h2 id="section-${name}">${TEXT.watch.sections[name]}</h2>
      <div class="cards">
        ${tasks.map((task) => html`<${TaskCard} key=${task.id} api=${api} task=${task} onChange=${onChange} />`)}
      </div>
      ${hasMore && html`<p class="hint">${TEXT.watch.more(SECTION_TASKS)}</p>`}
    </section>
  `;
}

/** Reads the sections. A task that has ended is read once. */
class SectionReader {
  /** @param {ApiClient} api */
  constructor(api) {
    this._api = api;
    /** @type {Map<string, ShownTask>} */
    this._ended = new Map();
  }

  /** @returns {Promise<Record<string, Section>>} */
  async read() {
    const [running, waiting, newest] = await Promise.all([
      this._section({ status: "IN_PROGRESS" }),
      this._section({ status: "IN_QUEUE" }),
      this._section({}),
    ]);
    const active = new Set([...running.tasks, ...waiting.tasks].map(({ id }) => id));
    const ended = newest.tasks.filter((task) => !isActive(task) && !active.has(task.id));
    this._ended = new Map(ended.map((task) => [runOf(task), task]));
    return { running, waiting, ended: { tasks: ended, hasMore: false } };
  }

  /** @param {{status?: string}} query @returns {Promise<Section>} */
  async _section(query) {
    const page = await this._api.listTasks({ ...query, limit: SECTION_TASKS });
    const listed = page.tasks.filter((task) => !isListOfNames(task));
    const tasks = await Promise.all(listed.map((task) => this._ended.get(runOf(task)) ?? this._api.readTask(task.id)));
    return { tasks, hasMore: page.next !== null && page.tasks.length === SECTION_TASKS };
  }
}

/** @param {{id: string, status: string, submitted_at: string}} task @returns {string} Name of a run and its state. */
function runOf({ id, status, submitted_at: moment }) {
  return `${id} ${moment} ${status}`;
}
