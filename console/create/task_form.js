/** Values of the form, the task that they make, and the way back from a task to the values. */
import { TASK_KINDS, kindOf } from "./task_kinds.js";
import { fieldOfInput } from "./workflow.js";

/** @import {Task, TaskRequest} from "../api/types.js" */
/** @import {Workflow} from "./workflow.js" */

/**
 * @typedef {{link: string, name: string, view?: string, width?: number, height?: number}} InputPicture
 *   `view` is an address that the page may show.
 * @typedef {{
 *   kind: string, runtime: string, model: string, prompt: string, negativePrompt: string,
 *   width: number, height: number, steps: number, guidance: number, sampler: string, scheduler: string, seed: number,
 *   batchSize: number, iterations: number, picture: InputPicture | null, mask: InputPicture | null, strength: number,
 *   upscaler: string, factor: number, id: string, prefix: string, isLowPriority: boolean, hasPreview: boolean,
 *   workflow: Workflow | null,
 * }} FormValues
 */

/** @type {FormValues} */
export const EMPTY_FORM = {
  kind: "text",
  runtime: "",
  model: "",
  prompt: "",
  negativePrompt: "",
  width: 512,
  height: 512,
  steps: 20,
  guidance: 7,
  sampler: "",
  scheduler: "",
  seed: -1,
  batchSize: 1,
  iterations: 1,
  picture: null,
  mask: null,
  strength: 0.75,
  upscaler: "",
  factor: 2,
  id: "",
  prefix: "",
  isLowPriority: false,
  hasPreview: true,
  workflow: null,
};

/** Field of the form for each field of a request, by the last part of its path that has a name. */
const FIELDS = new Map(
  Object.entries({
    id: "id",
    runtime: "runtime",
    prefix: "prefix",
    sd_model_checkpoint: "model",
    prompt: "prompt",
    negative_prompt: "negativePrompt",
    width: "width",
    height: "height",
    steps: "steps",
    cfg_scale: "guidance",
    sampler_name: "sampler",
    scheduler: "scheduler",
    seed: "seed",
    batch_size: "batchSize",
    n_iter: "iterations",
    init_images: "picture",
    image: "picture",
    mask: "mask",
    denoising_strength: "strength",
    upscaler_1: "upscaler",
    upscaling_resize: "factor",
  }),
);

/**
 * @param {string} path Path of a field, as the API names it.
 * @returns {string | undefined} Field of the form.
 */
export function fieldOf(path) {
  const input = fieldOfInput(path);
  if (input) return input;
  const parts = path.replace(/\[\d+\]/g, "").split(".");
  const name = parts.findLast((part) => FIELDS.has(part));
  return name && FIELDS.get(name);
}

/**
 * @param {FormValues} form
 * @param {string} id Id for a task whose form leaves it empty.
 * @returns {TaskRequest}
 */
export function taskOf(form, id) {
  const kind = TASK_KINDS[form.kind];
  /** @type {Record<string, unknown>} */
  const metadata = { id: form.id || id, runtime: form.runtime, tasktype: kind.tasktype };
  if (form.prefix) metadata.prefix = form.prefix;
  const policy = {
    ...(form.isLowPriority && { lowPriority: true }),
    ...(form.hasPreview && (kind.hasPrompt || kind.isWorkflow) && { preview: true }),
  };
  if (Object.keys(policy).length) metadata.policy = policy;
  if (kind.isWorkflow) return { task: { metadata, content: form.workflow ?? {} } };
  const content = { ...modelOf(form), ...(kind.hasPrompt ? generationOf(form) : {}), ...pictureOf(form) };
  return { task: { metadata, content } };
}

/** @param {FormValues} form */
function modelOf(form) {
  return form.model ? { alwayson_scripts: { sd_model_checkpoint: form.model } } : {};
}

/** @param {FormValues} form */
function generationOf(form) {
  return {
    prompt: form.prompt,
    ...(form.negativePrompt && { negative_prompt: form.negativePrompt }),
    width: form.width,
    height: form.height,
    steps: form.steps,
    cfg_scale: form.guidance,
    ...(form.sampler && { sampler_name: form.sampler }),
    ...(form.scheduler && { scheduler: form.scheduler }),
    seed: form.seed,
    batch_size: form.batchSize,
    n_iter: form.iterations,
  };
}

/** @param {FormValues} form */
function pictureOf(form) {
  const kind = TASK_KINDS[form.kind];
  if (!kind.hasPicture) return {};
  const link = form.picture?.link ?? "";
  if (kind.isUpscaling) {
    return { image: link, upscaling_resize: form.factor, ...(form.upscaler && { upscaler_1: form.upscaler }) };
  }
  if (!kind.hasPrompt) return { image: link };
  const mask = kind.hasMask ? { mask: form.mask?.link ?? "", inpainting_fill: 1, inpaint_full_res: false } : {};
  return { init_images: [link], denoising_strength: form.strength, ...mask };
}

/** Number of seeds that the Web UI distinguishes. */
const SEEDS = 2 ** 32;

/** @returns {number} */
export function randomSeed() {
  return Math.floor(Math.random() * SEEDS);
}

/**
 * @param {Task} task
 * @returns {FormValues} Values that make the same request, under a new id.
 */
export function formOf({ metadata, content }) {
  const kind = kindOf(metadata.tasktype, content);
  if (TASK_KINDS[kind].isWorkflow) {
    return { ...EMPTY_FORM, kind, runtime: metadata.runtime, workflow: /** @type {any} */ (content) };
  }
  const link = content.init_images?.[0] ?? content.image;
  const given = {
    model: content.alwayson_scripts?.sd_model_checkpoint,
    prompt: content.prompt,
    negativePrompt: content.negative_prompt,
    width: content.width,
    height: content.height,
    steps: content.steps,
    guidance: content.cfg_scale,
    sampler: content.sampler_name,
    scheduler: content.scheduler,
    seed: content.seed,
    batchSize: content.batch_size,
    iterations: content.n_iter,
    strength: content.denoising_strength,
    upscaler: content.upscaler_1,
    factor: content.upscaling_resize,
    picture: pictureAt(link),
    mask: pictureAt(content.mask),
  };
  const known = Object.entries(given).filter(
    ([name, value]) => value !== undefined && value !== null && hasTypeOf(name, value),
  );
  return { ...EMPTY_FORM, kind, runtime: metadata.runtime, ...Object.fromEntries(known) };
}

/** @param {unknown} link @returns {InputPicture | null} */
function pictureAt(link) {
  return typeof link === "string" && /^(https|s3):\/\//.test(link) ? { link, name: link } : null;
}

/** @param {string} name @param {unknown} value */
function hasTypeOf(name, value) {
  const empty = /** @type {Record<string, unknown>} */ (EMPTY_FORM)[name];
  return empty === null || typeof empty === typeof value;
}

/**
 * @param {Date} now
 * @param {() => number} random
 * @returns {string} Id that sorts by time and that another tab does not choose as well.
 */
export function newTaskId(now = new Date(), random = Math.random) {
  const time = now.toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return `${time}-${Math.floor(random() * 36 ** 5).toString(36).padStart(5, "0")}`;
}
