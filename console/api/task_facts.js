/** Facts that several screens read from a task. */
import { safeLink } from "./links.js";

/** @import {Output, ShownTask} from "./types.js" */

const PICTURE = /\.(png|jpe?g|webp|gif|bmp|avif)$/i;
const ACTIVE = ["IN_QUEUE", "IN_PROGRESS"];

/** @param {{status: string}} task @returns {boolean} True while the task waits or runs. */
export function isActive({ status }) {
  return ACTIVE.includes(status);
}

/** @param {{status: string}} task @returns {boolean} True if the task ended without its outcome. */
export function isUnsuccessful({ status }) {
  return !isActive({ status }) && status !== "COMPLETED";
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
 * Return what the Web UI wrote about its pictures: seeds, texts, or the answer of a call without pictures.
 *
 * @param {ShownTask} task
 * @returns {Promise<Record<string, any> | null>} Null if there is none, or if the bucket does not let the page read it.
 */
export async function readAnswer(task) {
  const output = task.outputs.find(({ s3_url: link }) => link.endsWith(".out"));
  const address = safeLink(output?.url);
  if (!address) return null;
  try {
    const response = await fetch(address, { credentials: "omit" });
    if (!response.ok) return null;
    const answer = await response.json();
    return { ...answer, info: parsed(answer.info) };
  } catch {
    return null;
  }
}

/** @param {unknown} info The Web UI writes this object as a text. */
function parsed(info) {
  if (typeof info !== "string") return info;
  try {
    return JSON.parse(info);
  } catch {
    return info;
  }
}
