/** Tiles of one page of the gallery. A page that stays the same is not drawn again, because there may be hundreds. */
import { isListOfNames } from "../api/task_facts.js";
import { Fragment, html, useMemo } from "../view.js";
import { Tile } from "./tile.js";

/** @import {ListedTask} from "../api/types.js" */

/** @param {{tasks: ListedTask[], filters: Record<string, string>}} properties */
export function TilePage({ tasks, filters }) {
  return useMemo(
    () => html`
      <${Fragment}>
        ${tasks.filter((task) => !isListOfNames(task)).map((task) => html`
          <li key=${task.id}><${Tile} task=${task} filters=${filters} /></li>
        `)}
      <//>
    `,
    [tasks, filters],
  );
}
