/** Look: the gallery of what was made, filtered, and one task large above it. */
import { goTo, placeOf, routeOf } from "../shell/router.js";
import { TEXT } from "../strings.js";
import { html, useMemo } from "../view.js";
import { Gallery } from "./gallery.js";
import { GalleryFilters, filtersOf } from "./gallery_filters.js";
import { TaskView } from "./task_view.js";

/** @import {ApiClient} from "../api/client.js" */
/** @import {Route} from "../shell/router.js" */

/** @param {{api: ApiClient, route: Route}} properties */
export function LookScreen({ api, route }) {
  const query = route.query.toString();
  const filters = useMemo(() => filtersOf(route.query), [query]);
  /** @param {Record<string, string>} changed */
  const filter = (changed) => {
    // A typed text filters after a pause, in which a task may have been opened.
    goTo(placeOf("look", { id: routeOf(location.hash).id, query: changed }));
  };
  /** @param {string} id */
  const close = (id) => {
    // A dialog that closes may have been left for another place already.
    const present = routeOf(location.hash);
    if (present.screen === "look" && present.id === id) goTo(placeOf("look", { query: present.query }));
  };
  return html`
    <div class="screen">
      <h1>${TEXT.shell.screens.look}</h1>
      <${GalleryFilters} api=${api} filters=${filters} onChange=${filter} />
      <${Gallery} key=${query} api=${api} filters=${filters} />
      ${route.id && html`
        <${TaskView} key=${route.id} api=${api} id=${route.id} onClose=${() => close(/** @type {string} */ (route.id))} />
      `}
    </div>
  `;
}
