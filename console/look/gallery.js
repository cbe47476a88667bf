/** Gallery: tiles of tasks, the newest first. It loads the next page when its end comes into view. */
import { ApiError } from "../api/errors.js";
import { usePolling } from "../api/polling.js";
import { isListOfNames } from "../api/task_facts.js";
import { placeOf } from "../shell/router.js";
import { TEXT } from "../strings.js";
import { html, useEffect, useRef, useState } from "../view.js";
import { queryOf } from "./gallery_filters.js";
import { hasGap, withNewest, withPage } from "./pages.js";
import { TilePage } from "./tile_page.js";

/** @import {ApiClient} from "../api/client.js" */
/** @import {ListedTask} from "../api/types.js" */

const PAGE_TASKS = 48;
/** @type {ListedTask[]} */
const NO_TASKS = [];
/** Distance from the end of the page at which the next page is loaded. */
const MARGIN = "800px";

/** @param {{api: ApiClient, filters: Record<string, string>}} properties */
export function Gallery({ api, filters }) {
  const [pages, setPages] = useState(/** @type {ListedTask[][]} */ ([]));
  const [next, setNext] = useState(/** @type {string | null | undefined} */ (undefined));
  const [isLoading, setLoading] = useState(false);
  const [problem, setProblem] = useState(/** @type {Error | null} */ (null));
  const end = useRef(/** @type {HTMLElement | null} */ (null));
  // The newest page is read again and again, so a picture appears when it is made.
  const { answer, error } = usePolling(() => api.listTasks({ ...queryOf(filters), limit: PAGE_TASKS }), [api, filters]);

  const shown = pages.length ? pages : [answer?.tasks ?? NO_TASKS];
  const isEmpty = shown.every((tasks) => tasks.every(isListOfNames));
  // The position of the first page is kept: a later one would repeat what was loaded.
  const position = next === undefined ? answer?.next : next;
  useEffect(() => {
    if (!answer) return;
    if (pages.length && hasGap(pages, answer)) {
      setPages([]);
      setNext(undefined);
    } else {
      setPages((known) => (known.length ? withNewest(known, answer.tasks) : known));
    }
  }, [answer]);

  const loadMore = async () => {
    if (!position || isLoading) return;
    setLoading(true);
    setProblem(null);
    try {
      const page = await api.listTasks({ ...queryOf(filters), limit: PAGE_TASKS, next: position });
      setPages((known) => withPage(known.length ? known : [answer?.tasks ?? NO_TASKS], page.tasks));
      setNext(page.next);
    } catch (refused) {
      setProblem(/** @type {Error} */ (refused));
    }
    setLoading(false);
  };
  useEffect(() => {
    const element = end.current;
    if (!element || problem) return undefined;
    const observer = new IntersectionObserver(([entry]) => entry.isIntersecting && loadMore(), { rootMargin: MARGIN });
    observer.observe(element);
    return () => observer.disconnect();
  }, [position, isLoading, problem]);

  const refusal = problem ?? (error instanceof ApiError ? error : null);
  const text = TEXT.look.gallery;
  return html`
    ${refusal && html`<p class="trouble" role="alert">${refusal.message}</p>`}
    ${answer && isEmpty && !position && html`<${Empty} isFiltered=${Object.values(filters).some(Boolean)} />`}
    <ul class="gallery" aria-label=${text.label}>
      ${shown.map((tasks, index) => html`<${TilePage} key=${index} tasks=${tasks} filters=${filters} />`)}
    </ul>
    <div class="more" ref=${end}>
      ${!answer && !error && html`<p class="muted" role="status">${TEXT.shell.loading}</p>`}
      ${position && html`
        <button type="button" aria-disabled=${isLoading} onClick=${loadMore}>${isLoading ? TEXT.shell.loading : text.more}</button>
      `}
    </div>
  `;
}

/** @param {{isFiltered: boolean}} properties */
function Empty({ isFiltered }) {
  const text = TEXT.look.gallery;
  return html`
    <div class="empty">
      <p>${isFiltered ? text.nothingFound : text.empty}</p>
      ${isFiltered
        ? html`<a class="button" href=${placeOf("look")}>${text.showAll}</a>`
        : html`<a class="button" href=${placeOf("create")}>${TEXT.watch.toCreate}</a>`}
    </div>
  `;
}
