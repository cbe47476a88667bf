/** Fields of a workflow: its text, pasted or dropped as a file, and then a field for each literal input. */
import { TEXT } from "../strings.js";
import { html, useState } from "../view.js";
import { CheckField, NumberField, TextArea, TextField, attributesOf, takenFile } from "./fields.js";
import { NoWorkflow, literalsOf, readWorkflow, withLiteral } from "./workflow.js";

/** @import {LiteralInput, Workflow} from "./workflow.js" */

/** Characters from which on a text has several lines. */
const LONG_TEXT = 40;

/**
 * @param {{workflow: Workflow | null, problems: Record<string, string>,
 *   onChange: (workflow: Workflow | null) => void}} properties
 */
export function WorkflowFields({ workflow, problems, onChange }) {
  if (!workflow) return html`<${Source} problem=${problems.workflow} onChange=${onChange} />`;
  return html`
    <div class="row spread">
      <span>${TEXT.create.workflow.kept(Object.keys(workflow).length)}</span>
      <button type="button" onClick=${() => onChange(null)}>${TEXT.create.workflow.remove}</button>
    </div>
    ${literalsOf(workflow).map(
      ({ id, title, inputs }) => html`
        <fieldset key=${id} class="stack">
          <legend>${title} <span class="muted small">${id}</span></legend>
          <div class="fields">
            ${inputs.map(
              (input) => html`
                <${Literal}
                  key=${input.name} input=${input} problem=${problems[input.name]}
                  onChange=${(/** @type {any} */ value) => onChange(withLiteral(workflow, id, input.label, value))}
                />
              `,
            )}
          </div>
        </fieldset>
      `,
    )}
  `;
}

/** @param {{problem?: string, onChange: (workflow: Workflow) => void}} properties */
function Source({ problem, onChange }) {
  const [refusal, setRefusal] = useState("");
  const [isOver, setOver] = useState(false);
  const shown = refusal || problem;
  /** @param {string} text */
  const read = (text) => {
    try {
      onChange(readWorkflow(text));
    } catch (error) {
      if (!(error instanceof NoWorkflow)) throw error;
      setRefusal(text.trim() ? error.message : "");
    }
  };
  /** @param {File | undefined} file */
  const open = async (file) => file && read(await file.text());
  /** @param {DragEvent} event */
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    open(event.dataTransfer?.files[0]);
  };
  /** @param {DragEvent} event */
  const allow = (event) => {
    event.preventDefault();
    setOver(true);
  };
  return html`
    <div class="field">
      <label for="workflow">${TEXT.create.workflow.label}</label>
      <div class=${isOver ? "drop over" : "drop"} onDragOver=${allow} onDragLeave=${() => setOver(false)} onDrop=${drop}>
        <div class="row">
          <input
            id="workflow-file" class="visually-file" type="file" accept=".json,application/json"
            onChange=${(/** @type {any} */ event) => open(takenFile(event.target))}
          />
          <label class="button" for="workflow-file">${TEXT.create.workflow.choose}</label>
          <span class="hint">${TEXT.create.workflow.hint}</span>
        </div>
        <textarea
          ...${attributesOf("workflow", shown)} rows=${6} spellcheck=${false}
          onInput=${(/** @type {any} */ event) => read(event.target.value)}
        />
        <p id="workflow-problem" class="problem" role="alert">${shown}</p>
      </div>
    </div>
  `;
}

/** @param {{input: LiteralInput, problem?: string, onChange: (value: string | number | boolean) => void}} properties */
function Literal({ input: { name, label, value }, problem, onChange }) {
  const place = { name, label, problem };
  if (typeof value === "boolean") return html`<${CheckField} ...${place} isChecked=${value} onChange=${onChange} />`;
  if (typeof value === "number") {
    const step = Number.isInteger(value) ? 1 : 0.01;
    return html`<${NumberField} ...${place} value=${value} step=${step} onChange=${onChange} />`;
  }
  if (value.length > LONG_TEXT || label === "text") {
    return html`<${TextArea} ...${place} value=${value} rows=${2} onChange=${onChange} />`;
  }
  return html`<${TextField} ...${place} value=${value} onChange=${onChange} />`;
}
