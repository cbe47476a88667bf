/** Allow list of addresses. An address that is not in it is shown as text, and never becomes a link or a picture. */

const ALLOWED_PROTOCOLS = new Set(["https:", "blob:"]);
/** Hosts of this machine, where the local system serves pictures without TLS. */
const LOCAL_HOSTS = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * @param {unknown} address
 * @returns {string | undefined} The address if a browser may open it.
 */
export function safeLink(address) {
  if (typeof address !== "string") return undefined;
  let url;
  try {
    url = new URL(address);
  } catch {
    return undefined;
  }
  const isLocal = url.protocol === "http:" && LOCAL_HOSTS.has(url.hostname);
  return ALLOWED_PROTOCOLS.has(url.protocol) || isLocal ? url.href : undefined;
}
