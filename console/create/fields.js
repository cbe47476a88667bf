/** Fields of the form: label, control, and the problem that the API found with the value. */
import { html, useState } from "../view.js";

/**
 * Place of a field: its name, its label, and what is wrong with it.
 *
 * @typedef {{name: string, label: string, problem?: string, hint?: string}} FieldPlace
 * @typedef {FieldPlace & {value: string, onChange: (value: string) => void}} TextPlace
 */

/** @param {string} name @param {string | undefined} problem @param {string} [hint] */
export function attributesOf(name, problem, hint) {
  const described = [problem && `${name}-problem`, hint && `${name}-hint`].filter(Boolean).join(" ");
  return {
    id: name,
    name,
    "aria-invalid": problem ? "true" : undefined,
    "aria-describedby": described || undefined,
  };
}

/** @param {HTMLInputElement} input @returns {File | undefined} Its file. The input forgets it, so the same file may be chosen again. */
export function takenFile(input) {
  const file = input.files?.[0];
  input.value = "";
  return file;
}

/** @param {FieldPlace & {children?: unknown}} properties */
export function Field({ name, label, problem, hint, children }) {
  return html`
    <div class="field">
      <label for=${name}>${label}</label>
      ${children}
      ${problem && html`<p id="${name}-problem" class="problem">${problem}</p>`}
      ${hint && html`<p id="${name}-hint" class="hint">${hint}</p>`}
    </div>
  `;
}

/** @param {TextPlace & {placeholder?: string}} properties */
export function TextField({ value, onChange, placeholder, ...place }) {
  const { name, problem, hint } = place;
  return html`
    <${Field} ...${place}>
      <input
        ...${attributesOf(name, problem, hint)} value=${value} placeholder=${placeholder} spellcheck=${false}
        autocomplete="off" onInput=${(/** @type {any} */ event) => onChange(event.target.value)}
      />
    <//>
  `;
}

/** @param {TextPlace & {rows: number, isLarge?: boolean, placeholder?: string}} properties */
export function TextArea({ value, onChange, rows, isLarge, placeholder, ...place }) {
  const { name, problem, hint } = place;
  return html`
    <${Field} ...${place}>
      <textarea
        ...${attributesOf(name, problem, hint)} rows=${rows} class=${isLarge ? "prompt" : ""} value=${value}
        placeholder=${placeholder} onInput=${(/** @type {any} */ event) => onChange(event.target.value)}
      />
    <//>
  `;
}

/**
 * @param {FieldPlace & {value: number, onChange: (value: number) => void, min?: number, max?: number, step?: number}} properties
 */
export function NumberField({ value, onChange, min, max, step = 1, ...place }) {
  const { name, problem, hint } = place;
  // Otherwise a number that is half typed, such as "7.", would become another text under the next key stroke.
  const [typed, setTyped] = useState(/** @type {string | null} */ (null));
  /** @param {any} event */
  const change = (event) => {
    setTyped(event.target.value);
    if (Number.isFinite(event.target.valueAsNumber)) onChange(event.target.valueAsNumber);
  };
  return html`
    <${Field} ...${place}>
      <input
        ...${attributesOf(name, problem, hint)} type="number" inputmode="decimal" value=${typed ?? value} min=${min} max=${max}
        step=${step} onInput=${change} onBlur=${() => setTyped(null)}
      />
    <//>
  `;
}

/** @param {TextPlace & {options: {value: string, label: string}[]}} properties */
export function SelectField({ value, onChange, options, ...place }) {
  const { name, problem, hint } = place;
  // A value that is not in the list stays, because the API judges it.
  const all = options.some((option) => option.value === value) ? options : [...options, { value, label: value }];
  return html`
    <${Field} ...${place}>
      <select
        ...${attributesOf(name, problem, hint)} value=${value}
        onChange=${(/** @type {any} */ event) => onChange(event.target.value)}
      >
        ${all.map((option) => html`<option key=${option.value} value=${option.value}>${option.label}</option>`)}
      </select>
    <//>
  `;
}

/**
 * @param {{name: string, legend: string, value: string, options: {value: string, label: string, isOffered?: boolean}[],
 *   onChange: (value: string) => void}} properties
 */
export function Choices({ name, legend, value, options, onChange }) {
  return html`
    <fieldset>
      <legend class="hidden-text">${legend}</legend>
      <div class="choices">
        ${options.map(
          (option) => html`
            <label key=${option.value}>
              <input
                type="radio" name=${name} value=${option.value} checked=${option.value === value}
                disabled=${option.isOffered === false} onChange=${() => onChange(option.value)}
              />
              <span>${option.label}</span>
            </label>
          `,
        )}
      </div>
    </fieldset>
  `;
}

/** @param {{name: string, label: string, isChecked: boolean, onChange: (isChecked: boolean) => void}} properties */
export function CheckField({ name, label, isChecked, onChange }) {
  return html`
    <label class="check">
      <input
        type="checkbox" name=${name} checked=${isChecked}
        onChange=${(/** @type {any} */ event) => onChange(event.target.checked)}
      />
      <span>${label}</span>
    </label>
  `;
}
