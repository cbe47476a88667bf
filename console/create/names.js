/** Options of a list of names. */

/**
 * @param {string[]} names
 * @param {string} [empty] Label of an option without a name. It may be left out.
 */
export function namesOf(names, empty) {
  const options = names.map((value) => ({ value, label: value }));
  return empty === undefined ? options : [{ value: "", label: empty }, ...options];
}
