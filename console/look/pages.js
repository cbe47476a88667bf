/** Pages of the gallery as they grow: new tasks come before the first one, and older ones after the last. */

/** @import {ListedTask} from "../api/types.js" */

/**
 * @param {ListedTask[][]} pages
 * @param {ListedTask[]} newest First page as it is now.
 * @returns {ListedTask[][]} Pages with what is new before what the first one had. Each task is there once.
 */
export function withNewest([first, ...older], newest) {
  const moved = idsOf([newest]);
  const kept = older.map((page) => (page.some(({ id }) => moved.has(id)) ? page.filter(({ id }) => !moved.has(id)) : page));
  return [[...newest, ...first.filter(({ id }) => !moved.has(id))], ...kept];
}

/**
 * @param {ListedTask[][]} pages
 * @param {{tasks: ListedTask[], next: string | null}} newest First page as it is now.
 * @returns {boolean} True if tasks are missing between the first page and the known ones, because more came than it holds.
 */
export function hasGap(pages, { tasks, next }) {
  const known = idsOf(pages);
  return next !== null && !tasks.some(({ id }) => known.has(id));
}

/** @param {ListedTask[][]} pages @param {ListedTask[]} page @returns {ListedTask[][]} Pages with those that follow. */
export function withPage(pages, page) {
  const known = idsOf(pages);
  return [...pages, page.filter(({ id }) => !known.has(id))];
}

/** @param {ListedTask[][]} pages */
function idsOf(pages) {
  return new Set(pages.flat().map(({ id }) => id));
}
