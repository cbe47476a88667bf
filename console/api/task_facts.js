/** Facts that several screens read from a task. */
import { safeLink } from "./links.js";

/** @import {ListedTask, Output, ShownTask} from "./types.js" */

const PICTURE = /\.(png|jpe?g|webp|gif|bmp|avif)$/i;
const ACTIVE = ["IN_QUEUE", "IN_PROGRESS"];
const RETRYABLE = ["FAILED", "TIMED_OUT"];

/** @param {{status: string}} task @returns {boolean} True while the task waits or runs. */
export function isActive({ status }) {
  return ACTIVE.includes(status);
}

/** @param {{status: string}} task @returns {boolean} True if the task ended without its outcome. */
export function isUnsuccessful({ status }) {
  return !isActive({ status }) && status !== "COMPLETED";
}

/** @param {{status: string}} task @returns {boolean} True if the API runs the task again under its id. */
export function isRetryable({ status }) {
  return RETRYABLE.includes(status);
}

/** @param {ListedTask} task @returns {boolean} True for a call that listed names, as the form makes them. */
export function isListOfNames({ tasktype, status, picture_count: count }) {
  return tasktype === "webui-api" && status === "COMPLETED" && !count;
}

/** @param {ShownTask} task @returns {Output[]} Outputs that are pictures, in their order. */
export function picturesOf(task) {
  return task.outputs.filter(({ s3_url: link }) => PICTURE.test(link));
}

/** @param {Output} output @returns {string | undefined} Address of a small picture, or of the picture itself. */
export function smallView(output) {
  return safeLink(output.thumbnail) ?? safeLink(output.url);
}

/**
 * @param {ShownTask} task Task with its outputs as base64.
 * @returns {string} Answer of a call that makes words: a caption, or the parameters in a picture.
 */
export function wordsOf(task) {
  const output = task.outputs.find(({ s3_url: link }) => link.endsWith(".out"));
  if (!output?.base64) return "";
  const bytes = Uint8Array.from(atob(output.base64), (character) => character.charCodeAt(0));
  try {
    const answer = JSON.parse(new TextDecoder().decode(bytes));
    return [answer.caption, answer.info].find((text) => typeof text === "string") ?? "";
  } catch {
    return "";
  }
}
