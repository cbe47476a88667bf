/** Tests of workflows in the form: a text becomes a graph, and its literal inputs become fields. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY_FORM, fieldOf, formOf, taskOf } from "../../../console/create/task_form.js";
import { NoWorkflow, literalsOf, readWorkflow, withLiteral } from "../../../console/create/workflow.js";

const GRAPH = {
  3: { class_type: "KSampler", inputs: { seed: 7, cfg: 7.5, sampler_name: "euler", model: ["4", 0] } },
  6: { class_type: "CLIPTextEncode", inputs: { text: "a dog", clip: ["4", 1] }, _meta: { title: "Prompt" } },
  8: { class_type: "VAEDecode", inputs: { samples: ["3", 0], vae: ["4", 2] } },
};

test("the graph of a file, and of a whole request, is read", () => {
  assert.deepEqual(readWorkflow(JSON.stringify(GRAPH)), GRAPH);
  assert.deepEqual(readWorkflow(JSON.stringify({ task: { metadata: {}, content: GRAPH } })), GRAPH);
});

test("a text that is no graph is refused with the reason", () => {
  for (const [text, reason] of [
    ["{", /not JSON/],
    ["[]", /class_type and inputs/],
    ["{}", /class_type and inputs/],
    ['{"1": {"class_type": "A"}}', /class_type and inputs/],
    ['{"nodes": [], "links": []}', /Export \(API\)/],
  ]) {
    assert.throws(() => readWorkflow(text), (error) => error instanceof NoWorkflow && reason.test(error.message), text);
  }
});

test("texts, numbers and choices become fields, and links do not", () => {
  const [sampler, prompt, ...others] = literalsOf(GRAPH);
  assert.deepEqual(sampler.inputs.map(({ name, value }) => [name, value]), [
    ["3.inputs.seed", 7], ["3.inputs.cfg", 7.5], ["3.inputs.sampler_name", "euler"],
  ]);
  assert.equal(prompt.title, "Prompt");
  assert.deepEqual(others, []);
});

test("a changed input is the only change", () => {
  const changed = withLiteral(GRAPH, "3", "seed", 8);
  assert.equal(changed[3].inputs.seed, 8);
  assert.deepEqual(withLiteral(changed, "3", "seed", 7), GRAPH);
  assert.equal(GRAPH[3].inputs.seed, 7);
});

test("a workflow is the content of its task, and comes back from it", () => {
  const form = { ...EMPTY_FORM, kind: "workflow", runtime: "comfyui", workflow: GRAPH };
  const { metadata, content } = taskOf(form, "a").task;
  assert.deepEqual(metadata, { id: "a", runtime: "comfyui", tasktype: "pipeline", policy: { preview: true } });
  assert.deepEqual(content, GRAPH);
  const again = formOf({ metadata, content });
  assert.deepEqual([again.kind, again.runtime, again.workflow], ["workflow", "comfyui", GRAPH]);
});

test("a refused input is shown at its field", () => {
  assert.equal(fieldOf("task.content.3.inputs.seed"), "3.inputs.seed");
  assert.equal(fieldOf("task.content.3.class_type"), undefined);
});
