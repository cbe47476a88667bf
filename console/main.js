/** Entry of the console: shows the application in its place of the page. */
import { App } from "./shell/app.js";
import { html, render } from "./view.js";

const place = /** @type {HTMLElement} */ (document.getElementById("console"));
place.replaceChildren();
render(html`<${App} />`, place);
