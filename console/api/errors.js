/** Errors of the HTTP API, as the screens distinguish them. Each has a message for the user. */
import { TEXT } from "../strings.js";

/** @typedef {{field: string, message: string}} FieldProblem */

/** Refusal by the API, with its code and the fields at fault. */
export class ApiError extends Error {
  /**
   * @param {{status: number, code: string, message: string, details?: FieldProblem[]}} problem
   */
  constructor({ status, code, message, details = [] }) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }

  /** Return True if the key is missing, wrong or not allowed to do this. */
  get isKeyRefused() {
    return this.status === 401;
  }
}

/** Request without an answer of the API: no network, or a gateway in its place. */
export class ApiUnreachable extends Error {
  constructor() {
    super(TEXT.shell.unanswered);
  }
}
