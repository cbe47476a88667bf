/** Sign-in with an API key, which the API judges. */
import { ApiClient } from "../api/client.js";
import { ApiError } from "../api/errors.js";
import { TEXT } from "../strings.js";
import { html, useEffect, useRef, useState } from "../view.js";

const LOCAL_HOSTS = ["127.0.0.1", "localhost"];

/** @param {{base: URL, isKeyRefused: boolean, onSignIn: (key: string) => void}} properties */
export function SignIn({ base, isKeyRefused, onSignIn }) {
  const [problem, setProblem] = useState(isKeyRefused ? TEXT.signIn.expired : "");
  const [isChecking, setChecking] = useState(false);

  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    document.title = TEXT.shell.product;
    field.current?.focus();
  }, []);

  /** @param {SubmitEvent} event */
  const check = async (event) => {
    event.preventDefault();
    if (isChecking) return;
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const key = String(new FormData(form).get("key")).trim();
    if (!isHeaderValue(key)) return setProblem(key ? TEXT.signIn.refused : TEXT.signIn.missing);
    setChecking(true);
    setProblem("");
    try {
      await new ApiClient({ base, key }).listTasks({ limit: 1 });
      onSignIn(key);
    } catch (error) {
      setChecking(false);
      setProblem(problemOf(/** @type {Error} */ (error)));
    }
  };

  return html`
    <main class="sign-in">
      <h1 class="wordmark">${TEXT.shell.product}</h1>
      <form onSubmit=${check} novalidate>
        <div class="field">
          <label for="key">${TEXT.signIn.label}</label>
          <input
            ref=${field} id="key" name="key" type="password" autocomplete="off" spellcheck=${false}
            aria-invalid=${problem ? "true" : undefined} aria-describedby="key-problem key-hint"
          />
          <p id="key-problem" class="problem" role="alert">${problem}</p>
        </div>
        <button class="primary" type="submit" aria-disabled=${isChecking}>
          ${isChecking ? TEXT.signIn.checking : TEXT.signIn.submit}
        </button>
        <p id="key-hint" class="hint">${TEXT.signIn.hint}</p>
        ${LOCAL_HOSTS.includes(location.hostname) && html`<p class="hint">${TEXT.signIn.localHint}</p>`}
      </form>
    </main>
  `;
}

/** @param {string} key @returns {boolean} True if a header can carry the key. */
function isHeaderValue(key) {
  return /^[\x21-\x7e]+$/.test(key);
}

/** @param {Error} error */
function problemOf(error) {
  return error instanceof ApiError && [401, 403].includes(error.status) ? TEXT.signIn.refused : error.message;
}
