/** Runtimes of the environment, and the names that a runtime's replicas know. */
import { useEffect, useState } from "../view.js";

/** @import {ApiClient} from "../api/client.js" */
/** @import {Runtime} from "../api/types.js" */

/** @param {ApiClient} api @returns {{runtimes: Runtime[], error: Error | null, reload: () => void}} */
export function useRuntimes(api) {
  const [runtimes, setRuntimes] = useState(/** @type {Runtime[]} */ ([]));
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  const [round, setRound] = useState(0);
  useEffect(() => {
    api.listRuntimes().then((answer) => {
      setRuntimes(answer.runtimes);
      setError(null);
    }, setError);
  }, [api, round]);
  return { runtimes, error, reload: () => setRound(round + 1) };
}

/** @param {ApiClient} api @param {string} name @returns {Runtime | null} Null until the API has answered. */
export function useRuntime(api, name) {
  const [runtime, setRuntime] = useState(/** @type {Runtime | null} */ (null));
  useEffect(() => {
    let isCurrent = true;
    setRuntime(null);
    // Without the lists, the form still makes tasks: the API judges every name.
    if (name) api.readRuntime(name).then((answer) => isCurrent && setRuntime(answer), () => {});
    return () => {
      isCurrent = false;
    };
  }, [api, name]);
  return runtime;
}
