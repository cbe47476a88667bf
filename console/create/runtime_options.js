/** Runtimes of the environment, and the names that a runtime's replicas know. */
import { useEffect, useState } from "../view.js";

/** @import {ApiClient} from "../api/client.js" */
/** @import {Runtime, RuntimeOptions} from "../api/types.js" */

/** @param {ApiClient} api @returns {{runtimes: Runtime[] | null, error: Error | null, reload: () => void}} */
export function useRuntimes(api) {
  const [runtimes, setRuntimes] = useState(/** @type {Runtime[] | null} */ (null));
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

/** @param {ApiClient} api @param {string} name @returns {RuntimeOptions | null} Null until the API has answered. */
export function useRuntime(api, name) {
  const [runtime, setRuntime] = useState(/** @type {RuntimeOptions | null} */ (null));
  useEffect(() => {
    let isCurrent = true;
    setRuntime(null);
    const load = async () => {
      let options = await api.readRuntime(name);
      if (isCurrent) setRuntime(options);
      // No program has asked yet. A replica that runs answers at once, and none is started for the lists. ComfyUI has none.
      if (options.type !== "sdwebui" || options.samplers || !options.replicas) return;
      await api.askForNames(name);
      options = await api.readRuntime(name);
      if (isCurrent) setRuntime(options);
    };
    // Without the lists, the form still makes tasks: the API judges every name.
    if (name) load().catch(() => {});
    return () => {
      isCurrent = false;
    };
  }, [api, name]);
  return runtime;
}
