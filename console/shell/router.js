/** Routes of the console, which are kept behind the `#` of the address: screen, id of a task, and filters. */
import { useEffect, useState } from "../view.js";

export const SCREENS = /** @type {const} */ (["create", "watch", "look", "fleet"]);

/** @typedef {{screen: typeof SCREENS[number], id: string | null, query: URLSearchParams}} Route */

/** @param {string} hash @returns {Route} */
export function routeOf(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name, id = ""] = path.split("/");
  const screen = SCREENS.find((known) => known === name) ?? "create";
  return { screen, id: decoded(id) || null, query: new URLSearchParams(query) };
}

/**
 * @param {string} screen
 * @param {{id?: string | null, query?: URLSearchParams | Record<string, string>}} [place]
 * @returns {string} Address of a place in the console.
 */
export function placeOf(screen, { id = null, query = {} } = {}) {
  const text = new URLSearchParams(query).toString();
  // The page has a base for its files, so an address without a path would leave the page.
  return `${location.pathname}#/${screen}${id ? `/${encodeURIComponent(id)}` : ""}${text ? `?${text}` : ""}`;
}

/** @param {string} place Address to show. */
export function goTo(place) {
  location.assign(place);
}

/** @returns {Route} The present place; a change of it draws the caller again. */
export function useRoute() {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const update = () => setRoute(routeOf(location.hash));
    addEventListener("hashchange", update);
    return () => removeEventListener("hashchange", update);
  }, []);
  return route;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
