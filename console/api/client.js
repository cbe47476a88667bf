/** Client of the environment's HTTP API. It is the only module that sends requests, except for uploads to S3. */
import { ApiError, ApiUnreachable } from "./errors.js";
import { withKeptLink } from "./signed_links.js";

/** @import {CreatedUpload, Fleet, RecordedRequest, Runtime, RuntimeOptions, ShownTask, TaskPage, TaskQuery, TaskRequest} from "./types.js" */

/** Seconds after which a request counts as unanswered. API Gateway gives up after 29. */
const TIMEOUT_SECONDS = 35;
/** Statuses that a gateway sends when the function behind it did not answer. */
const UNANSWERED = new Set([502, 504]);

export class ApiClient {
  /**
   * @param {{base: URL, key: string, onReachable?: (isReachable: boolean) => void, onKeyRefused?: () => void}} options
   */
  constructor({ base, key, onReachable = () => {}, onKeyRefused = () => {} }) {
    this.base = base;
    this._key = key;
    this._onReachable = onReachable;
    this._onKeyRefused = onKeyRefused;
  }

  /** @param {TaskRequest} request @returns {Promise<{id_task: string}>} */
  submitTask(request) {
    return this._send("POST", "v1alpha2", { body: request });
  }

  /** @param {TaskQuery} query @returns {Promise<TaskPage>} */
  listTasks(query) {
    return this._send("GET", "v1alpha2/tasks", { query });
  }

  /** @param {string} id @returns {Promise<ShownTask>} */
  readTask(id) {
    return this._send("GET", `v1alpha2/tasks/${encodeURIComponent(id)}`);
  }

  /** @param {string} id @returns {Promise<ShownTask>} The task with its outputs as base64, as far as they fit. */
  readTaskWithOutputs(id) {
    return this._send("GET", `v1alpha2/tasks/${encodeURIComponent(id)}`, { query: { inline: "true" } });
  }

  /** @param {string} id @returns {Promise<RecordedRequest>} What the sender asked for, and how the pictures were made. */
  readRequest(id) {
    return this._send("GET", `v1alpha2/tasks/${encodeURIComponent(id)}/request`);
  }

  /** @param {string} id @returns {Promise<ShownTask>} */
  cancelTask(id) {
    return this._send("DELETE", `v1alpha2/tasks/${encodeURIComponent(id)}`);
  }

  /** @param {string} id @returns {Promise<ShownTask>} */
  retryTask(id) {
    return this._send("POST", `v1alpha2/tasks/${encodeURIComponent(id)}/retry`);
  }

  /** @param {string} contentType @returns {Promise<CreatedUpload>} */
  createUpload(contentType) {
    return this._send("POST", "v1alpha2/uploads", { body: { content_type: contentType } });
  }

  /** @returns {Promise<{runtimes: Runtime[]}>} */
  listRuntimes() {
    return this._send("GET", "v1alpha2/runtimes");
  }

  /** @param {string} name @returns {Promise<RuntimeOptions>} The runtime with the names that its tasks may use. */
  readRuntime(name) {
    return this._send("GET", `v1alpha2/runtimes/${encodeURIComponent(name)}`);
  }

  /** @param {string} name Runtime of which a replica runs, and which lists its names in this way. */
  async askForNames(name) {
    const lists = ["samplers", "schedulers", "upscalers"];
    await Promise.all(lists.map((list) => this._send("GET", `runtimes/${encodeURIComponent(name)}/sdapi/v1/${list}`)));
  }

  /** @returns {Promise<Fleet>} */
  readFleet() {
    return this._send("GET", "v1alpha2/fleet");
  }

  /**
   * @param {string} method
   * @param {string} path Path below the base, without a leading slash.
   * @param {{query?: Record<string, string | number | undefined>, body?: unknown}} [content]
   * @returns {Promise<any>}
   */
  async _send(method, path, { query = {}, body } = {}) {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
    }
    /** @type {Record<string, string>} */
    const headers = { "x-api-key": this._key, accept: "application/json" };
    if (body !== undefined) headers["content-type"] = "application/json";
    const { response, text } = await this._fetch(url, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
      credentials: "omit",
      cache: "no-store",
    });
    if (response.ok) return JSON.parse(text, (_name, value) => withKeptLink(value));
    const error = errorOf(response.status, text);
    if (error.isKeyRefused) this._onKeyRefused();
    throw error;
  }

  /** @param {URL} url @param {RequestInit} request */
  async _fetch(url, request) {
    let response;
    let text;
    try {
      response = await fetch(url, request);
      // A network can also fail after the beginning of an answer.
      text = await response.text();
    } catch {
      this._onReachable(false);
      throw new ApiUnreachable();
    }
    this._onReachable(!UNANSWERED.has(response.status));
    if (UNANSWERED.has(response.status)) throw new ApiUnreachable();
    return { response, text };
  }
}

/** @param {number} status @param {string} text @returns {ApiError} */
function errorOf(status, text) {
  try {
    const { code, message, details } = JSON.parse(text).error;
    return new ApiError({ status, code, message, details });
  } catch {
    return new ApiError({ status, code: `http_${status}`, message: text.slice(0, 200) || `status ${status}` });
  }
}
