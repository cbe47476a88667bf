/** Picker of LoRAs: writes `<lora:NAME:WEIGHT>` at the end of the prompt. */
import { TEXT } from "../strings.js";
import { html, useState } from "../view.js";
import { NumberField, SelectField } from "./fields.js";

const USUAL_WEIGHT = 1;

/** @param {{names: string[], onPick: (reference: string) => void}} properties */
export function LoraPicker({ names, onPick }) {
  const [name, setName] = useState("");
  const [weight, setWeight] = useState(USUAL_WEIGHT);
  if (!names.length) return null;
  const picked = names.includes(name) ? name : names[0];
  const options = names.map((value) => ({ value, label: value }));
  return html`
    <div class="lora" role="group" aria-label=${TEXT.create.lora.group}>
      <${SelectField} name="lora" label=${TEXT.create.lora.name} value=${picked} options=${options} onChange=${setName} />
      <${NumberField}
        name="loraWeight" label=${TEXT.create.lora.weight} value=${weight} step=${0.05} onChange=${setWeight}
      />
      <button type="button" onClick=${() => onPick(`<lora:${picked}:${weight}>`)}>${TEXT.create.lora.add}</button>
    </div>
  `;
}
