/** Shapes of the HTTP API, as `docs/reference/openapi.json` describes them. */

/**
 * @typedef {"IN_QUEUE" | "IN_PROGRESS" | "COMPLETED" | "FAILED" | "CANCELLED" | "TIMED_OUT"} Status
 * @typedef {{metadata: Record<string, any>, content: Record<string, any>}} Task
 * @typedef {{task: Task}} TaskRequest
 * @typedef {{runtime?: string, status?: string, key?: string, text?: string, limit?: number, next?: string}} TaskQuery
 * @typedef {{link: string, upload: {method: string, url: string, fields: Record<string, string>}, max_bytes: number}} CreatedUpload
 * @typedef {{s3_url: string, url: string, thumbnail?: string | null}} Output
 * @typedef {{code: string, message: string, details?: {field: string, message: string}[]}} TaskError
 * @typedef {{
 *   id: string, runtime: string, tasktype: string, status: Status, progress: number, submitted_at: string,
 *   started_at: string | null, completed_at: string | null, delay_ms: number | null, execution_ms: number | null,
 *   prompt?: string | null, thumbnail?: string | null, image_count?: number | null,
 * }} ListedTask
 * @typedef {ListedTask & {
 *   sampling: {sampling_step?: number, sampling_steps?: number, job_no?: number, job_count?: number} | null,
 *   models: {bytes: number, bytes_done: number} | null, preview: string | null, attempts: number,
 *   outputs: Output[], output_location: string, error: TaskError | null, content?: Record<string, any> | null,
 *   queue_position?: number | null, estimated_start_at?: string | null,
 * }} ShownTask
 * @typedef {{tasks: ListedTask[], next: string | null}} TaskPage
 * @typedef {{
 *   name: string, models?: string[], samplers?: string[] | null, schedulers?: string[] | null,
 *   upscalers?: string[] | null, loras?: string[] | null,
 * }} Runtime
 * @typedef {{node?: number, image?: number, models?: number, webui?: number, first_task?: number}} ColdStartSeconds
 * @typedef {{at: string, seconds: ColdStartSeconds}} ColdStart
 * @typedef {{count: number, tasks: {id: string, reason: string, at: string}[]}} DeadLetters
 * @typedef {{
 *   name: string, type: string, queue: {waiting: number, running: number, oldest_seconds: number | null},
 *   replicas: {ready: number, starting: number}, busy_share: number | null, pictures_per_minute: number | null,
 *   finished_last_hour: Partial<Record<Status, number>>, cost: {last_hour: number, last_day: number} | null,
 *   dead_letters: DeadLetters, cold_starts: ColdStart[],
 *   series: {
 *     period_seconds: number, start: string, waiting: (number | null)[], busy_share: (number | null)[],
 *     completed: (number | null)[], failed: (number | null)[],
 *   },
 * }} FleetRuntime
 * @typedef {{
 *   at: string, nodes: number | null, cost: {currency: string, last_hour: number, last_day: number} | null,
 *   runtimes: FleetRuntime[],
 * }} Fleet
 */
export {};
