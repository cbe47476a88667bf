/** Repetition of one request: often while its answer changes, more and more seldom while it stays the same. */

/** Milliseconds between two requests while the answer changes. */
const SHORTEST_MS = 1_500;
/** Milliseconds between two requests while nothing changes. */
export const LONGEST_MS = 15_000;
/** Milliseconds between two requests while the API does not answer. */
const LONGEST_FAILED_MS = 30_000;
const GROWTH = 1.5;

/**
 * Repeats `load` until it is stopped. A page in the background sends no requests.
 *
 * @template Answer
 */
export class Poller {
  /**
   * @param {{load: () => Promise<Answer>, onAnswer: (answer: Answer) => void, onError: (error: Error) => void,
   *   shortestMs?: number}} options `onAnswer` gets no answer that a newer request has overtaken.
   */
  constructor({ load, onAnswer, onError, shortestMs = SHORTEST_MS }) {
    this._load = load;
    this._onAnswer = onAnswer;
    this._onError = onError;
    this._shortestMs = shortestMs;
    this._pauseMs = shortestMs;
    this._last = "";
    this._round = 0;
    this._timer = 0;
    this._onVisible = () => document.hidden || this.refresh();
  }

  start() {
    document.addEventListener("visibilitychange", this._onVisible);
    this.refresh();
  }

  stop() {
    document.removeEventListener("visibilitychange", this._onVisible);
    this._round += 1;
    clearTimeout(this._timer);
  }

  /** Send the request now, and begin again with short pauses. */
  refresh() {
    clearTimeout(this._timer);
    this._pauseMs = this._shortestMs;
    this._round += 1;
    return this._run(this._round);
  }

  /** @param {number} round */
  async _run(round) {
    try {
      const answer = await this._load();
      if (round !== this._round) return;
      this._onAnswer(answer);
      const text = JSON.stringify(answer);
      this._pauseMs = text === this._last ? Math.min(this._pauseMs * GROWTH, LONGEST_MS) : this._shortestMs;
      this._last = text;
    } catch (error) {
      if (round !== this._round) return;
      this._onError(/** @type {Error} */ (error));
      this._pauseMs = Math.min(this._pauseMs * GROWTH, LONGEST_FAILED_MS);
    }
    if (document.hidden) return;
    this._timer = setTimeout(() => this._run(round), this._pauseMs);
  }
}
