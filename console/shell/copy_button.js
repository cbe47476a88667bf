/** Button that copies a text and reports the outcome. */
import { TEXT } from "../strings.js";
import { html, useEffect, useState } from "../view.js";

/** Milliseconds for which the button shows the outcome. */
const SHOWN_MS = 2_000;

/** @param {{text: string, label: string}} properties */
export function CopyButton({ text, label }) {
  const [outcome, setOutcome] = useState("");
  useEffect(() => {
    if (!outcome) return undefined;
    const timer = setTimeout(() => setOutcome(""), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome(TEXT.shell.copied);
    } catch {
      setOutcome(TEXT.shell.notCopied);
    }
  };
  return html`
    <button type="button" onClick=${copy}>${outcome || label}</button>
    <span class="hidden-text" role="status">${outcome}</span>
  `;
}
