/** Kinds of tasks that the form makes, each with its task type and the groups of fields that it needs. */

/**
 * @typedef {{tasktype: string, hasPrompt: boolean, hasPicture: boolean, hasMask: boolean, isUpscaling: boolean,
 *   isWorkflow?: boolean}} TaskKind
 */

/** @type {Record<string, TaskKind>} */
export const TASK_KINDS = {
  text: { tasktype: "text-to-image", hasPrompt: true, hasPicture: false, hasMask: false, isUpscaling: false },
  image: { tasktype: "image-to-image", hasPrompt: true, hasPicture: true, hasMask: false, isUpscaling: false },
  inpaint: { tasktype: "image-to-image", hasPrompt: true, hasPicture: true, hasMask: true, isUpscaling: false },
  upscale: { tasktype: "extra-single-image", hasPrompt: false, hasPicture: true, hasMask: false, isUpscaling: true },
  describe: { tasktype: "interrogate", hasPrompt: false, hasPicture: true, hasMask: false, isUpscaling: false },
  read: { tasktype: "png-info", hasPrompt: false, hasPicture: true, hasMask: false, isUpscaling: false },
  workflow: {
    tasktype: "pipeline", hasPrompt: false, hasPicture: false, hasMask: false, isUpscaling: false, isWorkflow: true,
  },
};

/** @param {string} kind @returns {string} Type of the runtimes that make tasks of a kind. */
export function runtimeTypeOf(kind) {
  return TASK_KINDS[kind].isWorkflow ? "comfyui" : "sdwebui";
}

/**
 * @param {string} tasktype
 * @param {Record<string, unknown>} content
 * @returns {string} Name of the kind that makes such a task.
 */
export function kindOf(tasktype, content) {
  if (tasktype === "image-to-image") return content.mask ? "inpaint" : "image";
  return Object.keys(TASK_KINDS).find((name) => TASK_KINDS[name].tasktype === tasktype) ?? "text";
}
