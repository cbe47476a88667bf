/** Picker of LoRAs: writes `<lora:NAME:WEIGHT>` at the end of the prompt. */
import { TEXT } from "../strings.js";
import { html, useState } from "../view.js";
import { NumberField, SelectField } from "./fields.js";
import { namesOf } from "./names.js";

const USUAL_WEIGHT = 1;

/**
 * It has its place before the names arrive. Otherwise the form moves under the pointer, and a click misses its button.
 *
 * @param {{names: string[], onPick: (reference: string) => void}} properties
 */
export function LoraPicker({ names, onPick }) {
  const [name, setName] = useState("");
  const [weight, setWeight] = useState(USUAL_WEIGHT);
  const picked = names.includes(name) ? name : (names[0] ?? "");
  const options = names.length ? namesOf(names) : [{ value: "", label: TEXT.create.lora.none }];
  return html`
    <fieldset class="lora" disabled=${!names.length}>
      <legend class="hidden-text">${TEXT.create.lora.group}</legend>
      <${SelectField} name="lora" label=${TEXT.create.lora.name} value=${picked} options=${options} onChange=${setName} />
      <${NumberField}
        name="loraWeight" label=${TEXT.create.lora.weight} value=${weight} step=${0.05} onChange=${setWeight}
      />
      <button type="button" onClick=${() => onPick(`<lora:${picked}:${weight}>`)}>${TEXT.create.lora.add}</button>
    </fieldset>
  `;
}
