/** Tests of the form: its values make a task, and a task makes the values again. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY_FORM, fieldOf, formOf, newTaskId, taskOf } from "../../../console/create/task_form.js";

const PICTURE = { link: "s3://bucket/cat.png", name: "cat.png" };

test("text to image has what the form has, and no input", () => {
  const form = { ...EMPTY_FORM, runtime: "sdruntime", prompt: "a dog", sampler: "Euler a", seed: 7 };
  const { metadata, content } = taskOf(form, "new-id").task;
  assert.deepEqual(metadata, {
    id: "new-id", runtime: "sdruntime", tasktype: "text-to-image", policy: { preview: true },
  });
  assert.equal(content.prompt, "a dog");
  assert.equal(content.sampler_name, "Euler a");
  assert.equal(content.seed, 7);
  assert.ok(!("init_images" in content) && !("negative_prompt" in content) && !("scheduler" in content));
});

test("inpainting names the picture and its mask", () => {
  const mask = { link: "s3://bucket/mask.png", name: "mask.png" };
  const { metadata, content } = taskOf({ ...EMPTY_FORM, kind: "inpaint", picture: PICTURE, mask }, "a").task;
  assert.equal(metadata.tasktype, "image-to-image");
  assert.deepEqual(content.init_images, ["s3://bucket/cat.png"]);
  assert.equal(content.mask, "s3://bucket/mask.png");
});

test("the mask of another kind is not sent", () => {
  const form = { ...EMPTY_FORM, kind: "image", picture: PICTURE, mask: PICTURE };
  assert.ok(!("mask" in taskOf(form, "a").task.content));
});

test("calls that make words have the picture alone", () => {
  for (const [kind, tasktype] of [["describe", "interrogate"], ["read", "png-info"]]) {
    const { metadata, content } = taskOf({ ...EMPTY_FORM, kind, picture: PICTURE }, "a").task;
    assert.equal(metadata.tasktype, tasktype);
    assert.deepEqual(content, { image: "s3://bucket/cat.png" });
  }
});

for (const kind of ["text", "image", "inpaint", "upscale", "describe", "read"]) {
  test(`a task of the kind ${kind} fills the form in again`, () => {
    const picture = kind === "text" ? null : { link: "s3://bucket/cat.png", name: "s3://bucket/cat.png" };
    const mask = kind === "inpaint" ? { link: "https://a.example/m.png", name: "https://a.example/m.png" } : null;
    const form = { ...EMPTY_FORM, kind, runtime: "dynamic", model: "a.safetensors", picture, mask };
    const made = kind === "text" ? { ...form, prompt: "a dog", width: 64, steps: 3, seed: 9, iterations: 2 } : form;
    assert.deepEqual(formOf(taskOf(made, "a").task), made);
  });
}

test("values of a foreign type are left out", () => {
  const metadata = { tasktype: "text-to-image", runtime: "r" };
  const form = formOf({ metadata, content: { prompt: ["a"], width: "512", init_images: [null], seed: null } });
  assert.deepEqual(form, { ...EMPTY_FORM, runtime: "r" });
});

test("a link of another protocol is no input picture", () => {
  const metadata = { tasktype: "image-to-image", runtime: "r" };
  assert.equal(formOf({ metadata, content: { init_images: ["javascript:alert(1)"] } }).picture, null);
});

for (const [path, field] of [
  ["task.content.width", "width"],
  ["content.init_images[0]", "picture"],
  ["task.content.alwayson_scripts.sd_model_checkpoint", "model"],
  ["task.metadata.id", "id"],
  ["task.content.hr_upscaler", undefined],
  ["", undefined],
]) {
  test(`the path "${path}" is shown at ${field}`, () => assert.equal(fieldOf(path), field));
}

test("a new id is allowed, and sorts by its time", () => {
  const ids = [0, 1000].map((time) => newTaskId(new Date(time), () => 0.5));
  assert.match(ids[0], /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
  assert.ok(ids[0] < ids[1]);
  assert.notEqual(newTaskId(new Date(0), () => 0.1), newTaskId(new Date(0), () => 0.2));
});
