/** Signed links of the API: each answer signs them anew, and a browser would load a picture again for each signature. */

/** Milliseconds for which the first link is kept. Links work for an hour at most, and may end earlier. */
const KEPT_MS = 15 * 60 * 1000;
const SIGNATURE = /[?&](X-Amz-Signature|Signature)=/;
/** Object that is written again and again under the same name. */
const PREVIEW = "-preview.png";

/** @type {Map<string, {link: string, since: number}>} Kept links by their address without the signature. */
const kept = new Map();

/**
 * @template Value
 * @param {Value} value Any value of an answer.
 * @param {number} now
 * @returns {Value | string} The value, or the earlier link to the same object.
 */
export function withKeptLink(value, now = Date.now()) {
  if (typeof value !== "string" || !SIGNATURE.test(value)) return value;
  const [address] = value.split("?");
  if (address.endsWith(PREVIEW)) return value;
  const known = kept.get(address);
  if (known && now - known.since < KEPT_MS) return known.link;
  kept.set(address, { link: value, since: now });
  return value;
}

/** @param {string} link Link that does not work any more; the next answer has another one. */
export function forgetLink(link) {
  kept.delete(link.split("?")[0]);
}
