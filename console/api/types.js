/** Shapes of the HTTP API, as `docs/reference/openapi.json` describes them. */

/**
 * @typedef {"IN_QUEUE" | "IN_PROGRESS" | "COMPLETED" | "FAILED" | "CANCELLED" | "TIMED_OUT"} Status
 * @typedef {{metadata: Record<string, any>, content: Record<string, any>}} Task
 * @typedef {{task: Task}} TaskRequest
 * @typedef {{runtime?: string, status?: string, key?: string, text?: string, limit?: number, next?: string}} TaskQuery
 * @typedef {{link: string, upload: {method: string, url: string, fields: Record<string, string>}, max_bytes: number}} CreatedUpload
 * @typedef {{s3_url: string, url: string, thumbnail?: string | null, base64?: string | null}} Output
 * @typedef {{code: string, message: string, details?: {field: string, message: string}[]}} TaskError
 * @typedef {{
 *   id: string, runtime: string, tasktype: string, status: Status, progress: number, submitted_at: string,
 *   started_at: string | null, completed_at: string | null, delay_ms: number | null, execution_ms: number | null,
 *   key: string | null, prompt: string | null, picture_count: number, thumbnail: string | null, error_code: string | null,
 * }} ListedTask
 * @typedef {ListedTask & {
 *   sampling: {sampling_step?: number, sampling_steps?: number, job_no?: number, job_count?: number, node?: string,
 *     class_type?: string, nodes_done?: number, nodes_total?: number} | null,
 *   models: {bytes: number, bytes_done: number} | null, preview: string | null, attempts: number,
 *   outputs: Output[], output_location: string, error: TaskError | null,
 *   waits_for: {reason: "turn" | "replica", replicas: number, starting: {phase: "models" | "webui", models: {bytes: number, bytes_done: number}}[]} | null,
 *   queue_position?: number | null, estimated_start_at?: string | null,
 * }} ShownTask
 * @typedef {{task: Task, left_out: string[], info: Record<string, any> | null}} RecordedRequest
 * @typedef {{tasks: ListedTask[], next: string | null}} TaskPage
 * @typedef {{width: number, height: number, steps: number, batchSize: number, iterations: number}} Limits
 * @typedef {{name: string, type: string, dynamic_model: boolean, model_filename: string | null, limits: Limits}} Runtime
 * @typedef {Runtime & {
 *   replicas: number, checkpoints: string[], loras: string[], samplers: string[] | null, schedulers: string[] | null,
 *   upscalers: string[] | null, cold_start: Record<string, number | null>,
 * }} RuntimeOptions
 * @typedef {(number | null)[]} Series Values of each period; null where nothing was measured.
 * @typedef {{pictures: number, completed: number, failed: number, timed_out: number, cancelled: number, replica_hours: number, cost_usd: number | null}} Results
 * @typedef {{id: string, message: string, completed_at: string}} DeadLetter
 * @typedef {{
 *   name: string, queue: {waiting: number, running: number, oldest_seconds: number | null, is_complete: boolean},
 *   replicas: {live: number, busy: number}, busy_share: number | null,
 *   price: {usd_per_hour: number, basis: string} | null, last_hour: Results, last_day: Results,
 *   chart: {pictures: Series, completed: Series, failed: Series, replicas: Series, busy_share: Series},
 *   dead_letters: DeadLetter[],
 * }} RuntimeFleet
 * @typedef {{
 *   measured_at: string, chart_begins_at: string, chart_period_seconds: number, runtimes: RuntimeFleet[],
 *   nodes: Series | null, cold_starts: Record<string, Series>, unreadable_messages: number, undelivered_webhooks: number,
 * }} Fleet
 */
export {};
