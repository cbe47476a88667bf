/** Application: sign-in, or one screen below the navigation, and a notice while the API does not answer. */
import { ApiClient } from "../api/client.js";
import { CreateScreen } from "../create/create_screen.js";
import { forgetDraft } from "../create/draft.js";
import { FleetScreen } from "../fleet/fleet_screen.js";
import { LookScreen } from "../look/look_screen.js";
import { forgetKey, storeKey, storedKey } from "../session.js";
import { SignIn } from "../signin/sign_in.js";
import { TEXT } from "../strings.js";
import { html, useEffect, useMemo, useRef, useState } from "../view.js";
import { WatchScreen } from "../watch/watch_screen.js";
import { SCREENS, placeOf, useRoute } from "./router.js";

/** The API lies one level above the page, whatever stage or domain the environment has. */
const API_BASE = new URL(location.pathname.replace(/console\/?$/, ""), location.origin);

const VIEWS = { create: CreateScreen, watch: WatchScreen, look: LookScreen, fleet: FleetScreen };

export function App() {
  const [key, setKey] = useState(storedKey);
  const firstKey = useRef(key);
  const [isKeyRefused, setKeyRefused] = useState(false);
  const [isReachable, setReachable] = useState(true);
  const route = useRoute();

  /** @param {boolean} isRefused */
  const signOut = (isRefused) => {
    forgetKey();
    firstKey.current = null;
    // The next person at this tab reads nothing of this one. A person whose key expired goes on with another.
    if (!isRefused) forgetDraft();
    setKeyRefused(isRefused);
    setKey(null);
  };
  // A late answer to an earlier key does not end the session of the present one.
  const onKeyRefused = () => storedKey() === key && signOut(true);
  const api = useMemo(
    () => key && new ApiClient({ base: API_BASE, key, onReachable: setReachable, onKeyRefused }),
    [key],
  );

  if (!api) {
    /** @param {string} accepted */
    const signIn = (accepted) => {
      storeKey(accepted);
      setKeyRefused(false);
      setKey(accepted);
    };
    return html`<${SignIn} base=${API_BASE} isKeyRefused=${isKeyRefused} onSignIn=${signIn} />`;
  }
  return html`
    <a class="skip-link" href="#content" onClick=${skipToContent}>${TEXT.shell.skip}</a>
    <${Header} screen=${route.screen} isReachable=${isReachable} onSignOut=${() => signOut(false)} />
    <${Screen} route=${route} api=${api} isFirst=${key === firstKey.current} />
  `;
}

/** @param {{screen: string, isReachable: boolean, onSignOut: () => void}} properties */
function Header({ screen, isReachable, onSignOut }) {
  return html`
    <header class="header">
      <a class="wordmark" href=${placeOf("create")}>${TEXT.shell.product}</a>
      <nav aria-label=${TEXT.shell.navigation}>
        ${SCREENS.map((name) => {
          const current = name === screen ? "page" : undefined;
          return html`<a key=${name} href=${placeOf(name)} aria-current=${current}>${TEXT.shell.screens[name]}</a>`;
        })}
      </nav>
      <button class="quiet sign-out" type="button" onClick=${onSignOut}>${TEXT.shell.signOut}</button>
      <div role="status" class="connection">
        ${!isReachable && html`<p class="banner">${TEXT.shell.unreachable}</p>`}
      </div>
    </header>
  `;
}

/** @param {{route: import("./router.js").Route, api: ApiClient, isFirst: boolean}} properties */
function Screen({ route, api, isFirst }) {
  const View = VIEWS[route.screen];
  const content = useRef(/** @type {HTMLElement | null} */ (null));
  const isLoaded = useRef(isFirst);
  useEffect(() => {
    document.title = `${TEXT.shell.screens[route.screen]} – ${TEXT.shell.product}`;
    // A screen reader begins at the new screen. That of a loaded page is announced by the browser itself.
    if (!isLoaded.current) content.current?.focus();
    isLoaded.current = false;
  }, [route.screen]);
  return html`<main id="content" tabindex="-1" ref=${content}><${View} api=${api} route=${route} /></main>`;
}

/** @param {Event} event */
function skipToContent(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
