/** API key of this tab. The key leaves the tab only in the header of requests to the environment's own API. */

const STORAGE_KEY = "darkroom.api-key";

/** @returns {string | null} The key that this tab signed in with. */
export function storedKey() {
  return sessionStorage.getItem(STORAGE_KEY);
}

/** @param {string} key Key to keep until the tab closes. */
export function storeKey(key) {
  sessionStorage.setItem(STORAGE_KEY, key);
}

/** Forget the key. */
export function forgetKey() {
  sessionStorage.removeItem(STORAGE_KEY);
}
