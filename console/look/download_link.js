/** Link that stores a picture as a file. */
import { TEXT } from "../strings.js";
import { html } from "../view.js";

/** Milliseconds in which the browser has begun to store the file. */
const KEPT_MS = 60_000;

/** @param {{address: string, name: string}} properties `address` has passed `safeLink`. */
export function DownloadLink({ address, name }) {
  /** @param {MouseEvent} event */
  const store = async (event) => {
    event.preventDefault();
    const file = await fileAt(address);
    if (!file) return void open(address, "_blank", "noopener,noreferrer");
    const view = URL.createObjectURL(file);
    Object.assign(document.createElement("a"), { href: view, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(view), KEPT_MS);
  };
  return html`
    <a class="button" href=${address} download=${name} rel="noopener noreferrer" onClick=${store}>${TEXT.look.actions.download}</a>
  `;
}

/**
 * A browser opens a picture of another host instead of storing it, so the page reads it first.
 *
 * @param {string} address @returns {Promise<Blob | null>} Null where the bucket does not let this page read it.
 */
async function fileAt(address) {
  try {
    // The kept answer is that of an `img` element, which S3 sends without leave for a script.
    const response = await fetch(address, { cache: "reload", credentials: "omit" });
    return response.ok ? await response.blob() : null;
  } catch {
    return null;
  }
}
