/** Parts of a replica's cold start, and how long each of them usually takes. */
import { useEffect, useState } from "../view.js";

/** @import {ApiClient} from "./client.js" */

/** Parts in the order in which a replica waits for them. */
export const PARTS = /** @type {const} */ (["node_seconds", "image_seconds", "model_seconds", "ready_seconds"]);

/**
 * Answers by runtime: the cards of all tasks that wait for one runtime share a request.
 *
 * @type {WeakMap<ApiClient, Map<string, Promise<Record<string, number | null>>>>}
 */
const known = new WeakMap();

/** @param {ApiClient} api @param {string} runtime @returns {Record<string, number | null>} Usual seconds of each part. */
export function useColdStart(api, runtime) {
  const [parts, setParts] = useState(/** @type {Record<string, number | null>} */ ({}));
  useEffect(() => {
    const answers = known.get(api) ?? new Map();
    known.set(api, answers);
    const answer = answers.get(runtime) ?? api.readRuntime(runtime).then(({ cold_start: measured }) => measured);
    answers.set(runtime, answer);
    // Without an answer the parts are shown without their times, and the next card asks again.
    answer.then(setParts, () => answers.delete(runtime));
  }, [api, runtime]);
  return parts;
}
