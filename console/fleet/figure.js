/** One number with its name, in a list of such. */
import { TEXT } from "../strings.js";
import { html } from "../view.js";

/** @param {{name: string, value: string}} properties */
export function Figure({ name, value }) {
  const known = value === TEXT.fleet.unknown ? "muted" : "amount";
  return html`<div class="figure"><dt>${name}</dt><dd class=${known}>${value}</dd></div>`;
}
