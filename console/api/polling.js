/** Hook that keeps the answer of a repeated request. */
import { useCallback, useEffect, useRef, useState } from "../view.js";
import { Poller } from "./poller.js";

/**
 * @template Answer
 * @param {() => Promise<Answer>} load
 * @param {unknown[]} dependencies Values that begin the repetition anew.
 * @param {number} [shortestMs] Milliseconds between two requests while the answer changes.
 * @returns {{answer: Answer | null, error: Error | null, refresh: () => void}} The last answer stays during an error.
 */
export function usePolling(load, dependencies, shortestMs) {
  const [answer, setAnswer] = useState(/** @type {Answer | null} */ (null));
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  const poller = useRef(/** @type {Poller | null} */ (null));
  useEffect(() => {
    let isCurrent = true;
    const current = new Poller({
      load: async () => {
        const loaded = await load();
        if (isCurrent) {
          setAnswer(loaded);
          setError(null);
        }
        return loaded;
      },
      onError: setError,
      shortestMs,
    });
    poller.current = current;
    current.start();
    return () => {
      isCurrent = false;
      current.stop();
    };
  }, dependencies);
  const refresh = useCallback(() => void poller.current?.refresh(), []);
  return { answer, error, refresh };
}
