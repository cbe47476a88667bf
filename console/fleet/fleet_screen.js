/** Fleet: what each runtime does and costs. */
import { TEXT } from "../strings.js";
import { html } from "../view.js";

export function FleetScreen() {
  return html`<div class="screen"><h1>${TEXT.shell.screens.fleet}</h1></div>`;
}
