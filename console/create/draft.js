/** Draft of the form and the tasks sent from it, which stay while the user looks at other screens. */
import { EMPTY_FORM } from "./task_form.js";

/** @import {FormValues} from "./task_form.js" */

/** Tasks that the form shows after they were sent. */
const SHOWN_TASKS = 4;

let form = EMPTY_FORM;
/** @type {string[]} */
let sent = [];

/** @returns {FormValues} */
export function draft() {
  return form;
}

/** @param {FormValues} values */
export function keepDraft(values) {
  form = values;
}

/** Forget what this person typed and sent. */
export function forgetDraft() {
  form = EMPTY_FORM;
  sent = [];
}

/** @returns {string[]} Ids, the newest first. */
export function sentTasks() {
  return sent;
}

/** @param {string} id @returns {string[]} Ids with the new one. */
export function addSentTask(id) {
  sent = [id, ...sent.filter((known) => known !== id)].slice(0, SHOWN_TASKS);
  return sent;
}
