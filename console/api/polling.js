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
  const poller = useRef(/** @type {Poller<Answer> | null} */ (null));
  useEffect(() => {
    /** @param {Answer} loaded */
    const onAnswer = (loaded) => {
      setAnswer(loaded);
      setError(null);
    };
    const current = new Poller({ load, onAnswer, onError: setError, shortestMs });
    poller.current = current;
    current.start();
    return () => current.stop();
  }, dependencies);
  const refresh = useCallback(() => void poller.current?.refresh(), []);
  return { answer, error, refresh };
}
