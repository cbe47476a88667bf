/** Filters of the gallery, which are part of the address. */
import { SelectField, TextField } from "../create/fields.js";
import { namesOf } from "../create/names.js";
import { useRuntimes } from "../create/runtime_options.js";
import { TEXT } from "../strings.js";
import { html, useEffect, useRef, useState } from "../view.js";

/** Milliseconds without a key stroke after which a text filters the gallery. */
const PAUSE_MS = 400;
const NAMES = ["text", "runtime", "status", "key"];
/** State that the gallery shows without a choice. */
const USUAL_STATUS = "COMPLETED";
/** Choice of all states. */
const ANY_STATUS = "ANY";
const STATUSES = ["COMPLETED", "FAILED", "TIMED_OUT", "CANCELLED", "IN_PROGRESS", "IN_QUEUE", ANY_STATUS];

/** @param {URLSearchParams} query @returns {Record<string, string>} Filters as the address has them. */
export function filtersOf(query) {
  return Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""]));
}

/** @param {Record<string, string>} filters @returns {Record<string, string>} Filters as the API reads them. */
export function queryOf({ status, ...filters }) {
  return { ...filters, status: status === ANY_STATUS ? "" : status || USUAL_STATUS };
}

/**
 * @param {{api: import("../api/client.js").ApiClient, filters: Record<string, string>,
 *   onChange: (filters: Record<string, string>) => void}} properties
 */
export function GalleryFilters({ api, filters, onChange }) {
  const { runtimes } = useRuntimes(api);
  const [typed, setTyped] = useState({ text: filters.text, key: filters.key });
  const timer = useRef(0);
  useEffect(() => setTyped({ text: filters.text, key: filters.key }), [filters]);
  // Otherwise the page returns a person who leaves within the pause.
  useEffect(() => () => clearTimeout(timer.current), []);

  /** @param {Record<string, string>} changed */
  const change = (changed) => {
    // Otherwise a text that still waits for its pause would undo what was chosen since.
    clearTimeout(timer.current);
    const next = { ...filters, ...typed, ...changed };
    onChange(Object.fromEntries(Object.entries(next).filter(([, value]) => value)));
  };
  /** @param {"text" | "key"} name */
  const typing = (name) => (/** @type {string} */ value) => {
    setTyped({ ...typed, [name]: value });
    clearTimeout(timer.current);
    timer.current = setTimeout(() => change({ [name]: value }), PAUSE_MS);
  };
  const text = TEXT.look.filters;
  const statuses = STATUSES.map((value) => ({ value, label: value === ANY_STATUS ? text.anyStatus : TEXT.task.states[value] }));
  return html`
    <div class="filters" role="search">
      <${TextField} name="text" label=${text.text} value=${typed.text} onChange=${typing("text")} placeholder=${text.textExample} />
      <${SelectField}
        name="runtime" label=${text.runtime} value=${filters.runtime}
        options=${namesOf((runtimes ?? []).map(({ name }) => name), text.anyRuntime)}
        onChange=${(/** @type {string} */ runtime) => change({ runtime })}
      />
      <${SelectField}
        name="status" label=${text.status} value=${filters.status || USUAL_STATUS} options=${statuses}
        onChange=${(/** @type {string} */ status) => change({ status: status === USUAL_STATUS ? "" : status })}
      />
      <${TextField} name="key" label=${text.key} value=${typed.key} onChange=${typing("key")} placeholder=${text.anyKey} />
    </div>
  `;
}
