/** The same request as JSON, for curl, and for Python. */
import { TEXT } from "../strings.js";
import { html, useState } from "../view.js";
import { CopyButton } from "../shell/copy_button.js";
import { Choices } from "./fields.js";

/** @import {TaskRequest} from "../api/types.js" */

/** @type {Record<string, (request: TaskRequest, url: string) => string>} */
export const VIEWS = { json: asJson, curl: asCurl, python: asPython };

/** @param {{request: TaskRequest, base: URL}} properties */
export function RequestViews({ request, base }) {
  const [view, setView] = useState("json");
  const options = Object.keys(VIEWS).map((value) => ({ value, label: TEXT.create.views.names[value] }));
  const text = VIEWS[view](request, base.href.replace(/\/$/, ""));
  return html`
    <details class="panel">
      <summary>${TEXT.create.views.summary}</summary>
      <div class="stack">
        <div class="row spread">
          <${Choices}
            name="view" legend=${TEXT.create.views.legend} value=${view} options=${options} onChange=${setView}
          />
          <${CopyButton} text=${text} label=${TEXT.create.views.copy} />
        </div>
        <pre class="code-box" tabindex="0" aria-label=${TEXT.create.views.names[view]}>${text}</pre>
        ${view !== "json" && html`<p class="hint">${TEXT.create.views.keyHint}</p>`}
      </div>
    </details>
  `;
}

/** @param {TaskRequest} request */
function asJson(request) {
  return JSON.stringify(request, null, 2);
}

/** @param {TaskRequest} request @param {string} url */
function asCurl(request, url) {
  // A quoted delimiter keeps the shell from reading the text, and JSON has no line breaks inside its strings.
  return `curl -sS -H "x-api-key: $API_KEY" "${url}/v1alpha2" --data-binary @- <<'JSON'\n${asJson(request)}\nJSON`;
}

/** @param {TaskRequest} request @param {string} url */
function asPython(request, url) {
  return [
    "import os",
    "",
    "import darkroom",
    "",
    `request = ${asPythonValue(request, "")}`,
    `client = darkroom.Client(${JSON.stringify(url)}, os.environ["API_KEY"])`,
    "task = client.wait(client.submit_request(request))",
    'print(client.save(task, "out"))',
  ].join("\n");
}

/**
 * @param {unknown} value
 * @param {string} indent
 * @returns {string} A literal of Python with the same value.
 */
function asPythonValue(value, indent) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  const deeper = `${indent}    `;
  if (Array.isArray(value)) {
    return value.length ? `[${value.map((item) => asPythonValue(item, indent)).join(", ")}]` : "[]";
  }
  if (typeof value === "object") {
    const lines = Object.entries(/** @type {object} */ (value)).map(
      ([name, item]) => `${deeper}${JSON.stringify(name)}: ${asPythonValue(item, deeper)},\n`,
    );
    return lines.length ? `{\n${lines.join("")}${indent}}` : "{}";
  }
  return JSON.stringify(value);
}
