/** Options of a list of names. */

/**
 * @param {string[]} names
 * @param {string} [empty] Label of the option without a name; there is none if it is left out.
 */
export function namesOf(names, empty) {
  const options = names.map((value) => ({ value, label: value }));
  return empty === undefined ? options : [{ value: "", label: empty }, ...options];
}
