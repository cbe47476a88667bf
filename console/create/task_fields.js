/** Fields of a task, as its kind needs them and its runtime names them. */
import { safeLink } from "../api/links.js";
import { TEXT } from "../strings.js";
import { html, useEffect } from "../view.js";
import { CheckField, Choices, NumberField, SelectField, TextArea, TextField } from "./fields.js";
import { GenerationFields } from "./generation_fields.js";
import { LoraPicker } from "./lora_picker.js";
import { MaskPainter } from "./mask_painter.js";
import { namesOf } from "./names.js";
import { PictureField } from "./picture_field.js";
import { useRuntime } from "./runtime_options.js";
import { TASK_KINDS, runtimeTypeOf } from "./task_kinds.js";
import { WorkflowFields } from "./workflow_fields.js";

/** @import {ApiClient} from "../api/client.js" */
/** @import {Runtime} from "../api/types.js" */
/** @import {FormValues} from "./task_form.js" */

/**
 * @param {{api: ApiClient, runtimes: Runtime[], form: FormValues, problems: Record<string, string>,
 *   onChange: (changed: Partial<FormValues>) => void, onPaint: (mask: () => Promise<Blob> | null) => void}} properties
 */
export function TaskFields({ api, runtimes: all, form, problems, onChange, onPaint }) {
  const type = runtimeTypeOf(form.kind);
  const runtimes = all.filter((runtime) => runtime.type === type);
  const options = useRuntime(api, form.runtime);
  const kind = TASK_KINDS[form.kind];
  const runtime = runtimes.find(({ name }) => name === form.runtime);
  useEffect(() => {
    // A runtime of the other type makes no task of this kind.
    if (all.length && !runtimes.some(({ name }) => name === form.runtime)) {
      onChange({ runtime: runtimes[0]?.name ?? "", model: "" });
    }
  }, [form.runtime, form.kind, all]);

  const types = all.map((runtime) => runtime.type);
  // A kind has its place before the runtimes arrive. Otherwise the form moves under the pointer.
  const kinds = Object.keys(TASK_KINDS).map((value) => ({
    value,
    label: TEXT.create.kinds[value],
    isOffered: value !== "workflow" || types.includes(runtimeTypeOf(value)),
  }));
  /** @param {string} name */
  const field = (name) => ({
    name,
    label: TEXT.create.fields[name],
    value: /** @type {any} */ (form)[name],
    problem: problems[name],
    onChange: (/** @type {any} */ value) => onChange({ [name]: value }),
  });
  return html`
    <${Choices}
      name="kind" legend=${TEXT.create.kind} value=${form.kind} options=${kinds}
      onChange=${(/** @type {string} */ value) => onChange({ kind: value })}
    />
    ${kind.hasPicture && html`
      <${PictureField}
        api=${api} picture=${form.picture} isShown=${!kind.hasMask} problem=${problems.picture}
        onChange=${(/** @type {FormValues["picture"]} */ picture) => onChange(withPicture(form, picture))}
      />
    `}
    ${kind.hasMask && html`<${Mask} form=${form} problem=${problems.mask} onPaint=${onPaint} onChange=${onChange} />`}
    ${kind.hasPrompt && html`
      <${TextArea} ...${field("prompt")} rows=${3} isLarge placeholder=${TEXT.create.promptExample} />
      <${LoraPicker}
        names=${options?.loras ?? []}
        onPick=${(/** @type {string} */ reference) => onChange({ prompt: `${form.prompt} ${reference}`.trimStart() })}
      />
      <${TextArea} ...${field("negativePrompt")} rows=${1} />
    `}
    ${kind.isWorkflow && html`
      <${WorkflowFields}
        workflow=${form.workflow} problems=${problems}
        onChange=${(/** @type {FormValues["workflow"]} */ workflow) => onChange({ workflow })}
      />
    `}
    <div class="fields">
      <${SelectField}
        ...${field("runtime")} onChange=${(/** @type {string} */ name) => onChange({ runtime: name, model: "" })}
        options=${namesOf(runtimes.map(({ name }) => name))}
      />
      ${runtime?.dynamic_model && html`
        <${SelectField} ...${field("model")} options=${namesOf(options?.checkpoints ?? [], TEXT.create.noModel)} />
      `}
    </div>
    ${kind.hasPrompt && html`
      <${GenerationFields} form=${form} field=${field} options=${options} limits=${runtime?.limits} onChange=${onChange} />
    `}
    ${kind.isUpscaling && html`
      <div class="fields">
        <${SelectField} ...${field("upscaler")} options=${namesOf(options?.upscalers ?? [], TEXT.create.usual)} />
        <${NumberField} ...${field("factor")} min=${1} max=${8} step=${0.5} />
      </div>
    `}
    <details>
      <summary>${TEXT.create.more}</summary>
      <div class="stack">
        <div class="fields">
          <${TextField} ...${field("id")} placeholder=${TEXT.create.newId} />
          <${TextField} ...${field("prefix")} placeholder="output" />
        </div>
        ${(kind.hasPrompt || kind.isWorkflow) && html`
          <${CheckField}
            name="hasPreview" label=${TEXT.create.hasPreview} isChecked=${form.hasPreview}
            onChange=${(/** @type {boolean} */ hasPreview) => onChange({ hasPreview })}
          />
        `}
        <${CheckField}
          name="isLowPriority" label=${TEXT.create.isLowPriority} isChecked=${form.isLowPriority}
          onChange=${(/** @type {boolean} */ isLowPriority) => onChange({ isLowPriority })}
        />
      </div>
    </details>
  `;
}

/**
 * @param {{form: FormValues, problem?: string, onPaint: (mask: () => Promise<Blob> | null) => void,
 *   onChange: (changed: Partial<FormValues>) => void}} properties
 */
function Mask({ form, problem, onPaint, onChange }) {
  const view = safeLink(form.picture?.view);
  const { width, height } = form.picture ?? {};
  if (form.mask) {
    return html`
      <div class="row spread">
        <span>${TEXT.create.mask.kept}</span>
        <button type="button" onClick=${() => onChange({ mask: null })}>${TEXT.create.mask.paintAnew}</button>
      </div>
    `;
  }
  if (!view || !width || !height) {
    const text = form.picture ? TEXT.create.mask.noView : TEXT.create.mask.noPicture;
    return html`<p class="hint">${text}</p>`;
  }
  return html`<${MaskPainter} view=${view} width=${width} height=${height} problem=${problem} onPaint=${onPaint} />`;
}

/** Multiple of pixels that a side of a picture has. */
const SIDE_STEP = 8;
/** Longest side that a new input picture sets in the form. */
const LONGEST_SIDE = 1024;

/**
 * @param {FormValues} form
 * @param {FormValues["picture"]} picture
 * @returns {Partial<FormValues>} The new picture, and the size of what is made of it.
 */
function withPicture(form, picture) {
  const { width, height } = picture ?? {};
  if (!width || !height || !TASK_KINDS[form.kind].hasPrompt) return { picture, mask: null };
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const side = (/** @type {number} */ pixels) => Math.max(SIDE_STEP, Math.round((pixels * scale) / SIDE_STEP) * SIDE_STEP);
  return { picture, mask: null, width: side(width), height: side(height) };
}
