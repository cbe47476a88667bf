/** Fields of a generation: size, steps, sampler, seed and number of pictures. */
import { TEXT } from "../strings.js";
import { html } from "../view.js";
import { NumberField, SelectField } from "./fields.js";
import { namesOf } from "./names.js";
import { randomSeed } from "./task_form.js";
import { TASK_KINDS } from "./task_kinds.js";

/** @import {Limits, RuntimeOptions} from "../api/types.js" */
/** @import {FormValues} from "./task_form.js" */

/** Sizes that the checkpoints of the field were trained on. */
const SIZES = [
  [512, 512],
  [768, 512],
  [512, 768],
  [1024, 1024],
];
const RANDOM_SEED = -1;

/**
 * @param {{form: FormValues, field: (name: string) => any, options: RuntimeOptions | null, limits: Limits | undefined,
 *   onChange: (changed: Partial<FormValues>) => void}} properties
 */
export function GenerationFields({ form, field, options, limits, onChange }) {
  const text = TEXT.create;
  return html`
    <div class="fields">
      <${NumberField} ...${field("width")} min=${64} max=${limits?.width} step=${8} />
      <${NumberField} ...${field("height")} min=${64} max=${limits?.height} step=${8} />
      <${NumberField} ...${field("steps")} min=${1} max=${limits?.steps} />
      <${NumberField} ...${field("guidance")} min=${0} step=${0.5} />
      ${TASK_KINDS[form.kind].hasPicture && html`
        <${NumberField} ...${field("strength")} min=${0} max=${1} step=${0.05} />
      `}
    </div>
    <div class="row" role="group" aria-label=${text.sizes}>
      ${SIZES.map(([width, height]) => html`
        <button
          key=${`${width}×${height}`} type="button" aria-pressed=${form.width === width && form.height === height}
          onClick=${() => onChange({ width, height })}
        >${width} × ${height}</button>
      `)}
    </div>
    <div class="fields">
      <${SelectField} ...${field("sampler")} options=${namesOf(options?.samplers ?? [], text.usual)} />
      <${SelectField} ...${field("scheduler")} options=${namesOf(options?.schedulers ?? [], text.usual)} />
      <${NumberField} ...${field("batchSize")} min=${1} max=${limits?.batchSize} />
      <${NumberField} ...${field("iterations")} min=${1} max=${limits?.iterations} />
    </div>
    <div class="seed">
      <${NumberField} ...${field("seed")} min=${RANDOM_SEED} />
      <button type="button" onClick=${() => onChange({ seed: randomSeed() })}>${text.newSeed}</button>
      <button type="button" aria-disabled=${form.seed === RANDOM_SEED} onClick=${() => onChange({ seed: RANDOM_SEED })}>
        ${text.randomSeed}
      </button>
      <p class="hint">${text.seedHint}</p>
    </div>
  `;
}
