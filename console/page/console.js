/* Written by `make console`. Preact and htm are in it: LICENSE.preact, LICENSE.htm */

// console/strings.js
var useListedName = "Use a name that the message lists.";
var correctFields = "Correct the fields that the message names.";
var checkLink = "Check that the link leads to a picture that the environment may fetch.";
var correctNode = "Correct the node that the message names.";
var machineFault = "A machine failed, and the request is not at fault. Send it again.";
var advice = {
  unknown_sampler: useListedName,
  unknown_scheduler: useListedName,
  unknown_upscaler: useListedName,
  unknown_model: useListedName,
  unknown_vae: useListedName,
  unknown_lora: useListedName,
  unknown_style: useListedName,
  unknown_script: useListedName,
  unknown_option: correctFields,
  unknown_field: correctFields,
  unknown_node: correctNode,
  node_not_allowed: correctNode,
  no_output_node: "Add a node that stores its result, such as SaveImage.",
  unknown_input: "Upload the file that the message names, or give its link.",
  workflow_refused: correctNode,
  workflow_failed: correctNode,
  limit_exceeded: correctFields,
  invalid_task: correctFields,
  webui_refused: "Correct the request. The message holds the Web UI's own words.",
  other_sampler: "Report it: the Web UI lists the sampler and used another one.",
  link_refused: checkLink,
  link_unavailable: checkLink,
  unusable_picture: "Convert the picture to PNG or JPEG.",
  call_not_allowed: "Use a runtime that allows model calls.",
  path_refused: "Correct the path of the model, which the message explains.",
  download_failed: "Check the link of the model, or send the task again.",
  unreadable_picture: "Ask for no output format, or report it: a picture could not be converted.",
  no_images: "Leave out send_images: false.",
  unsupported_task: "Use another runtime.",
  execution_timeout: "Raise the time limit of the task, or ask for less.",
  ttl_expired: "Raise the time limit of the task, or ask for less.",
  broken_model: "Put the whole file of the model into the model bucket.",
  out_of_memory: "Ask for fewer pixels or pictures: the GPU's memory was not enough.",
  checkpoint_not_loaded: "Use another model: the Web UI did not load this one.",
  disk_full: "The models of the task do not fit on the replica's disk. Inform the operator.",
  storage_refused: "Report it: AWS refused to store what the task made.",
  webui_failed: machineFault,
  webui_unreachable: machineFault,
  webui_hung: machineFault,
  comfyui_failed: machineFault,
  comfyui_unreachable: machineFault,
  comfyui_hung: machineFault,
  delivery_failed: machineFault,
  worker_lost: machineFault,
  interrupted: machineFault,
  message_lost: machineFault,
  storage_failed: machineFault,
  internal_error: machineFault
};
var TEXT = {
  shell: {
    product: "Darkroom",
    navigation: "Screens",
    skip: "Skip to the content",
    signOut: "Sign out",
    screens: { create: "Create", watch: "Watch", look: "Look", fleet: "Fleet" },
    unreachable: "The API does not answer. The page tries again by itself, and nothing is lost.",
    unanswered: "The API does not answer. Try again in a moment.",
    loading: "Loading …",
    again: "Try again",
    close: "Close",
    copied: "Copied",
    notCopied: "The browser did not allow it"
  },
  signIn: {
    label: "API key",
    submit: "Sign in",
    checking: "Checking …",
    hint: "The key stays in this tab and is forgotten when the tab closes.",
    localHint: "The local system prints its key when it starts. The command darkroom env prints it again.",
    missing: "Enter an API key of this environment.",
    refused: "The environment does not know this key.",
    expired: "The environment does not accept the key any more. Sign in again."
  },
  create: {
    kind: "Kind of task",
    kinds: (
      /** @type {Record<string, string>} */
      {
        text: "Text to image",
        image: "Image to image",
        inpaint: "Inpaint",
        upscale: "Upscale",
        describe: "Describe",
        read: "Read parameters",
        workflow: "Workflow"
      }
    ),
    fields: (
      /** @type {Record<string, string>} */
      {
        runtime: "Runtime",
        model: "Model",
        prompt: "Prompt",
        negativePrompt: "Negative prompt",
        width: "Width",
        height: "Height",
        steps: "Steps",
        guidance: "Guidance (CFG)",
        sampler: "Sampler",
        scheduler: "Scheduler",
        seed: "Seed",
        batchSize: "Pictures at once",
        iterations: "Repetitions",
        strength: "Change (denoising)",
        upscaler: "Upscaler",
        factor: "Factor",
        id: "Id",
        prefix: "Folder"
      }
    ),
    promptExample: "a red circle on a blue background",
    noRuntimes: "The runtimes could not be read.",
    loadingRuntimes: "The runtimes are loading. A task needs one.",
    otherRuntimes: "No runtime of this environment makes this kind of task. Choose another kind.",
    emptyRuntimes: "This environment has no runtime, and a task needs one. Its file lists the runtimes.",
    noModel: "Choose a model",
    usual: "Usual",
    sizes: "Sizes",
    seedHint: "−1 is another seed for each task.",
    newSeed: "New seed",
    randomSeed: "Random",
    more: "More settings",
    newId: "a new one",
    hasPreview: "Show the picture while it is made",
    isLowPriority: "Low priority: wait for an idle replica",
    send: "Make it",
    sending: "Sending …",
    sendHint: "Ctrl + Enter sends the form, too.",
    lora: { group: "LoRA", name: "LoRA", none: "none", weight: "Weight", add: "Add to the prompt" },
    picture: {
      label: "Input picture",
      choose: "Choose a file",
      uploading: "Uploading …",
      hint: "or drop or paste a picture here, or give its link:",
      link: "Link of the input picture",
      linkPlaceholder: "https:// or s3://",
      pasted: "pasted picture",
      remove: "Remove the picture",
      missing: "Choose an input picture, or give its link.",
      alt: (name) => `Input picture ${name}`,
      refused: {
        type: () => "This file is not a PNG, JPEG, WebP, GIF, BMP or TIFF picture.",
        size: (bytes) => `The picture is too large; at most ${Math.floor(bytes / 2 ** 20)} MiB are accepted.`,
        storage: () => "The picture could not be stored. Try again, or give a link."
      }
    },
    workflow: {
      label: "Workflow",
      choose: "Choose a file",
      hint: "or drop one here, or paste the workflow: ComfyUI exports it by Workflow > Export (API).",
      kept: (nodes) => `Workflow of ${nodes} nodes`,
      remove: "Use another workflow",
      missing: "Choose the file of a workflow, or paste it.",
      noJson: (reason) => `This is not JSON: ${reason}`,
      noGraph: "This is no workflow: each node of a graph has class_type and inputs.",
      saved: "This is what the editor saves. Export the workflow by Workflow > Export (API)."
    },
    mask: {
      label: "Mask",
      canvas: (count) => `Mask with ${count} strokes`,
      brush: "Brush",
      undo: "Undo",
      clear: "Clear",
      hint: "Paint over what is to be made anew. Arrow keys move the brush, and Space paints.",
      missing: "Paint over the part of the picture that is to be made anew.",
      noPicture: "The mask is painted over the input picture. Choose the picture first.",
      noView: "The page cannot show this picture. Choose a file to paint a mask over it.",
      kept: "The mask of the earlier task is used.",
      paintAnew: "Paint another mask"
    },
    views: {
      summary: "Show as JSON, curl or Python",
      legend: "Form of the request",
      names: (
        /** @type {Record<string, string>} */
        { json: "JSON", curl: "curl", python: "Python" }
      ),
      copy: "Copy",
      keyHint: "The variable API_KEY holds your key."
    },
    sent: {
      title: "Sent from here",
      empty: "Pictures appear here as they are made."
    }
  },
  watch: {
    empty: "No task waits or runs, and none has ended yet.",
    toCreate: "Make a picture",
    sections: (
      /** @type {Record<string, string>} */
      { running: "Running", waiting: "Waiting", ended: "Just ended" }
    ),
    more: (count) => `The newest ${count} are shown. Look lists all of them.`
  },
  look: {
    filters: {
      text: "Prompt or id",
      textExample: "red circle",
      runtime: "Runtime",
      anyRuntime: "All runtimes",
      status: "State",
      anyStatus: "All states",
      key: "Key",
      anyKey: "All keys"
    },
    gallery: {
      label: "Tasks, the newest first",
      more: "Load more",
      empty: "There are no pictures yet.",
      nothingFound: "No task matches these filters.",
      showAll: "Show all pictures",
      count: (count) => `${count} pictures`
    },
    noPicture: "There is no picture.",
    pictures: "Pictures of this task",
    pictureNumber: (number, count) => `Picture ${number} of ${count}`,
    actions: {
      useAsInput: "Use as input",
      anotherSeed: "Again with another seed",
      download: "Download",
      copyLink: "Copy link",
      copyS3: "Copy s3:// link"
    },
    facts: {
      seed: "Seed",
      model: "Model",
      runtime: "Runtime",
      key: "Key",
      type: "Type",
      submitted: "Sent",
      waited: "Waited",
      ran: "Ran",
      attempts: "Attempts",
      folder: "Folder",
      infotext: "Parameters of the Web UI",
      negative: (prompt) => `Negative prompt: ${prompt}`
    }
  },
  fleet: {
    environment: "Environment",
    refused: (message) => `The numbers of the fleet could not be read: ${message}`,
    readAt: (time) => `Read at ${time}.`,
    unknown: "not known",
    nothing: "–",
    figures: {
      costHour: "Cost, last hour",
      costDay: "Cost, last day",
      nodes: "Nodes",
      unreadable: "Unreadable messages",
      webhooks: "Undelivered webhooks",
      waiting: "Waiting",
      running: "Running",
      oldest: "Oldest waits for",
      replicas: "Replicas",
      busy: "Busy, last hour",
      pace: "Pictures a minute",
      failed: "Failed, last hour"
    },
    replicas: (live, busy) => `${live}, ${busy} busy`,
    price: (price, basis) => `An hour of a replica costs ${price}: ${basis}.`,
    charts: {
      pictures: "Pictures",
      failed: "Failed",
      replicas: "Replicas",
      busy: "Busy",
      nodes: "Nodes",
      span: "The charts show the last day.",
      label: (name, last, largest) => `${name} of the last day: ${last} at its end, ${largest} at most`
    },
    coldStarts: {
      title: "Cold starts",
      none: "No replica has started in the last day.",
      parts: { node_seconds: "node", image_seconds: "image", model_seconds: "models", ready_seconds: "Web UI" }
    },
    deadLetters: {
      title: (count) => `Dead letters (${count})`,
      none: "Every message was delivered.",
      redrive: "Send again",
      label: (id) => `Send task ${id} again`,
      redriven: (id) => `Task ${id} is on its way again.`
    }
  },
  task: {
    states: (
      /** @type {Record<string, string>} */
      {
        IN_QUEUE: "Waiting",
        IN_PROGRESS: "Running",
        COMPLETED: "Done",
        FAILED: "Failed",
        CANCELLED: "Cancelled",
        TIMED_OUT: "Timed out"
      }
    ),
    types: (
      /** @type {Record<string, string>} */
      {
        "text-to-image": "Text to image",
        "image-to-image": "Image to image",
        "extra-single-image": "Upscale",
        "extra-batch-images": "Upscale several",
        interrogate: "Describe",
        "png-info": "Read parameters",
        "webui-api": "Web UI call",
        pipeline: "Pipeline"
      }
    ),
    card: (id) => `Task ${id}`,
    picture: (prompt) => `Picture: ${prompt}`,
    open: "Open the task",
    advice,
    noAdvice: "The message says what is wrong.",
    start: {
      label: "Start of the replica",
      part: (name, usual) => usual ? `${name}, usually ${usual}` : name,
      unreported: "Its node and its image come first. The replica reports its models after that."
    },
    actions: {
      cancel: { text: "Cancel", label: (id) => `Cancel task ${id}` },
      retry: { text: "Retry", label: (id) => `Retry task ${id}` }
    },
    progress: {
      label: "Progress of the task",
      modelsLabel: "Progress of the models",
      percent: (percent) => `${percent} %`,
      step: (step, steps) => `step ${step} of ${steps}`,
      job: (job, jobs) => `pass ${job} of ${jobs}`,
      models: (done, all) => `Models on their way: ${done} of ${all}`,
      position: (position) => `Position ${position} in the queue`,
      startsIn: (duration) => `Starts in about ${duration}`,
      startsSoon: "Starts in a moment",
      waitsFor: {
        turn: (replicas) => replicas === 1 ? "Waits for its turn: 1 replica works" : `Waits for its turn: ${replicas} replicas work`,
        replica: () => "Waits for a replica: none of its runtime runs yet"
      },
      startsWith: (done, all) => `A replica starts: ${done} of ${all} of its models are there`,
      loads: "A replica starts: its Web UI loads the models",
      waiting: (duration) => `Waiting for ${duration}`
    }
  }
};

// console/api/errors.js
var ApiError = class extends Error {
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
};
var ApiUnreachable = class extends Error {
  constructor() {
    super(TEXT.shell.unanswered);
  }
};

// console/api/signed_links.js
var KEPT_MS = 15 * 60 * 1e3;
var SIGNATURE = /[?&](X-Amz-Signature|Signature)=/;
var PREVIEW = "-preview.png";
var kept = /* @__PURE__ */ new Map();
function withKeptLink(value, now = Date.now()) {
  if (typeof value !== "string" || !SIGNATURE.test(value)) return value;
  const [address] = value.split("?");
  if (address.endsWith(PREVIEW)) return value;
  const known2 = kept.get(address);
  if (known2 && now - known2.since < KEPT_MS) return known2.link;
  kept.set(address, { link: value, since: now });
  return value;
}
function forgetLink(link) {
  kept.delete(link.split("?")[0]);
}

// console/api/client.js
var TIMEOUT_SECONDS = 35;
var UNANSWERED = /* @__PURE__ */ new Set([502, 504]);
var ApiClient = class {
  /**
   * @param {{base: URL, key: string, onReachable?: (isReachable: boolean) => void, onKeyRefused?: () => void}} options
   */
  constructor({ base, key, onReachable = () => {
  }, onKeyRefused = () => {
  } }) {
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
      if (value !== void 0 && value !== "") url.searchParams.set(name, String(value));
    }
    const headers = { "x-api-key": this._key, accept: "application/json" };
    if (body !== void 0) headers["content-type"] = "application/json";
    const { response, text } = await this._fetch(url, {
      method,
      headers,
      body: body === void 0 ? void 0 : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1e3),
      credentials: "omit",
      cache: "no-store"
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
      text = await response.text();
    } catch {
      this._onReachable(false);
      throw new ApiUnreachable();
    }
    this._onReachable(!UNANSWERED.has(response.status));
    if (UNANSWERED.has(response.status)) throw new ApiUnreachable();
    return { response, text };
  }
};
function errorOf(status, text) {
  try {
    const { code, message, details } = JSON.parse(text).error;
    return new ApiError({ status, code, message, details });
  } catch {
    return new ApiError({ status, code: `http_${status}`, message: text.slice(0, 200) || `status ${status}` });
  }
}

// console/api/upload.js
var PICTURE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff"];
var UploadRefused = class extends Error {
  /** @param {"type" | "size" | "storage"} reason @param {number} [maxBytes] */
  constructor(reason, maxBytes = 0) {
    super(TEXT.create.picture.refused[reason](maxBytes));
  }
};
async function uploadPicture(api, picture) {
  if (!PICTURE_TYPES.includes(picture.type)) throw new UploadRefused("type");
  const { link, upload, max_bytes: maxBytes } = await api.createUpload(picture.type);
  if (picture.size > maxBytes) throw new UploadRefused("size", maxBytes);
  const form2 = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) form2.append(name, value);
  form2.append("file", picture);
  let response;
  try {
    response = await fetch(upload.url, { method: upload.method, body: form2, credentials: "omit" });
  } catch {
    throw new UploadRefused("storage");
  }
  if (!response.ok) throw new UploadRefused("storage");
  return link;
}

// console/vendor/preact.mjs
var n;
var t;
var r;
var u;
var i;
var f;
var o;
var e;
var l;
var c;
var a;
var s;
var h = /* @__PURE__ */ Symbol.for("pv");
var p = {};
var y = [];
var v = /^m(i|n|o|s|text|space)$/;
var w = Array.isArray;
var d = y.slice;
var _ = Object.assign;
function g(n3) {
  n3 && n3.parentNode && n3.remove();
}
function k(n3, t4, r3) {
  var u3, i3, f3, o3 = {}, e3 = arguments.length;
  for (f3 in t4) "key" == f3 ? u3 = t4[f3] : "ref" == f3 && "function" != typeof n3 ? i3 = t4[f3] : o3[f3] = t4[f3];
  return e3 > 2 && (o3.children = e3 > 3 ? d.call(arguments, 2) : r3), m(n3, o3, u3, i3, null);
}
function m(r3, u3, i3, f3, o3) {
  var e3 = { type: r3, props: u3, key: i3, ref: f3, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: h, __v: o3 || ++t, __i: -1, __u: 0 };
  return !o3 && n.vnode && n.vnode(e3), e3;
}
function $(n3) {
  return n3.children;
}
function x(n3, t4) {
  this.props = n3, this.context = t4, this.__g = 0;
}
function S(n3, t4) {
  if (null == t4) return n3.__ && S(n3.__, n3.__i + 1);
  for (var r3; t4 < n3.__k.length; t4++) if ((r3 = n3.__k[t4]) && r3.__e) return r3.__e;
  return "function" != typeof n3.type || n3.props.__P ? null : S(n3);
}
function C(t4) {
  var r3, u3 = t4.__v, i3 = u3.__e, f3 = [], o3 = [], e3 = t4.__P;
  e3 && ((r3 = _({ constructor: h }, u3)).__v = u3.__v + 1, n.vnode && n.vnode(r3), z(e3, r3, u3, t4.__n, e3.namespaceURI, 32 & u3.__u ? [i3] : null, f3, i3 || S(u3), 32 & u3.__u, o3), r3.__v = u3.__v, r3.__.__k[r3.__i] = r3, E(f3, r3, o3), u3.__ = u3.__e = null, r3.__e != i3 && j(r3));
}
function j(n3) {
  if ((n3 = n3.__) && n3.__c && !n3.props.__P) return n3.__e = null, n3.__k.some(function(t4) {
    return t4 && (n3.__e = t4.__e);
  }), j(n3);
}
function L(t4) {
  (8 & t4.__g || (t4.__g |= 8, u.push(t4), f++)) && i == n.debounceRendering || ((i = n.debounceRendering) || queueMicrotask)(H);
}
function H() {
  try {
    for (var n3, t4 = 1; u.length; ) u.length > t4 && u.sort(o), n3 = u.shift(), t4 = u.length, 8 & n3.__g && C(n3);
  } finally {
    (f = u.length) && (i || queueMicrotask)(H);
  }
}
function I(n3, t4, r3, u3, i3, f3, o3, e3, l3, c3, a3) {
  var s3, h3, v3, w3, d3, _3, g3 = u3.__k || y, k3 = t4.length;
  for (l3 = q(r3, t4, g3, l3, k3), s3 = 0; s3 < k3; s3++) null != (v3 = r3.__k[s3]) && (h3 = ~v3.__i && g3[v3.__i] || p, v3.__i = s3, _3 = z(n3, v3, h3, i3, f3, o3, e3, l3, c3, a3), w3 = v3.__e, (h3.ref != v3.ref || 8 & h3.__u) && (h3.ref && G(h3.ref, null, v3, h3), v3.ref && a3.push(v3.ref, v3.__c || w3, v3)), d3 = d3 || w3, 4 & v3.__u ? (l3 = A(v3, l3, n3, !h3.__v), h3.__e && (h3.__e = null)) : "function" == typeof v3.type && void 0 !== _3 ? l3 = _3 : w3 && (l3 = w3.nextSibling), v3.__u &= -21);
  return r3.__e = d3, l3;
}
function q(n3, t4, r3, u3, i3) {
  var f3, o3, e3, l3, c3, a3, s3, p3, y3, v3 = r3.length, d3 = v3, _3 = 0, g3 = 0, k3 = n3.__k = Array(i3);
  for (f3 = 0; f3 < i3; f3++) null != (o3 = t4[f3]) && "boolean" != typeof o3 && "function" != typeof o3 ? ("object" != typeof o3 || o3.constructor === String ? o3 = k3[f3] = m(null, o3) : w(o3) ? o3 = k3[f3] = m($, { children: o3 }) : o3.constructor === h && o3.__b ? o3 = k3[f3] = m(o3.type, o3.props, o3.key, o3.ref, o3.__v) : k3[f3] = o3, l3 = f3 + _3, o3.__ = n3, o3.__b = n3.__b + 1, e3 = null, ~(c3 = o3.__i = P(o3, r3, l3, d3)) && (d3--, (e3 = r3[c3]) && (e3.__u |= 2)), e3 && e3.__v ? (o3.__u |= 16, c3 == l3 - 1 ? _3-- : c3 == l3 + 1 ? _3++ : c3 != l3 && (c3 > l3 ? _3-- : _3++, g3 = 1)) : (~c3 || (i3 > v3 ? _3-- : i3 < v3 && _3++), "function" != typeof o3.type && (o3.__u |= 4))) : k3[f3] = null;
  if (g3) {
    for (a3 = [], s3 = [], f3 = 0; f3 < i3; f3++) if ((o3 = k3[f3]) && 16 & o3.__u) {
      for (_3 = 0, p3 = a3.length; _3 < p3; ) a3[y3 = _3 + p3 >> 1] < o3.__i ? _3 = y3 + 1 : p3 = y3;
      a3[_3] = o3.__i, s3[f3] = _3 + 1;
    }
    for (_3 = a3.length; f3--; ) s3[f3] && (s3[f3] == _3 ? _3-- : k3[f3].__u |= 4);
  }
  if (d3) for (f3 = 0; f3 < v3; f3++) !(e3 = r3[f3]) || 2 & e3.__u || (e3.__e == u3 && (u3 = S(e3)), J(e3, e3));
  return u3;
}
function A(n3, t4, r3, u3) {
  var i3, f3, o3, e3;
  if ("function" == typeof n3.type) {
    if (n3.props.__P) return t4;
    if (i3 = n3.__k) for (f3 = 0; f3 < i3.length; f3++) i3[f3] && (i3[f3].__ = n3, t4 = A(i3[f3], t4, r3, false));
    return t4;
  }
  for (t4 && !t4.parentNode && (t4 = S(n3)) && !t4.parentNode && (t4 = null), o3 = n3.__e, e3 = t4; e3 && 8 == e3.nodeType; ) e3 = e3.nextSibling;
  for (o3 != e3 && (!u3 && r3.moveBefore && o3.parentNode ? r3.moveBefore(o3, t4) : r3.insertBefore(o3, t4 || null)), t4 = o3; (t4 = t4 && t4.nextSibling) && 8 == t4.nodeType && !t4.data.startsWith("$s"); ) ;
  return t4;
}
function P(n3, t4, r3, u3) {
  var i3, f3 = n3.key, o3 = n3.type, e3 = t4[r3], l3 = e3 && !(2 & e3.__u);
  if (null === e3 && null == f3 || l3 && f3 == e3.key && o3 == e3.type) return r3;
  if (u3 > (l3 ? 1 : 0)) {
    for (i3 = r3 - 1; i3 >= 0; i3--) if ((e3 = t4[i3]) && !(2 & e3.__u) && f3 == e3.key && o3 == e3.type) return i3;
    for (i3 = r3 + 1; i3 < t4.length; i3++) if ((e3 = t4[i3]) && !(2 & e3.__u) && f3 == e3.key && o3 == e3.type) return i3;
  }
  return -1;
}
function T(n3, t4, r3) {
  null == r3 && (r3 = ""), "-" == t4[0] ? n3.setProperty(t4, r3) : n3[t4] = r3;
}
function N(n3, t4, r3, u3, i3) {
  var f3, o3;
  if ("style" == t4) if ("string" == typeof r3) n3.style.cssText = r3;
  else {
    if ("string" == typeof u3 && (n3.style.cssText = u3 = ""), u3) for (t4 in u3) r3 && t4 in r3 || T(n3.style, t4);
    if (r3) for (t4 in r3) u3 && r3[t4] == u3[t4] || T(n3.style, t4, r3[t4]);
  }
  else if ("o" == t4[0] && "n" == t4[1]) "function" != typeof r3 && (r3 = null), "function" != typeof u3 && (u3 = null), (n3.__e || (n3.__e = {}))[t4] = r3, r3 && u3 || (o3 = a[t4] || (a[t4] = V(t4)), (n3.__a || (n3.__a = {}))[t4] = c, f3 = t4 != (t4 = t4.replace(l, "$1")), (t4 = t4.slice(2))[0] < "a" && (t4 = t4.toLowerCase()), r3 ? n3.addEventListener(t4, o3, f3) : n3.removeEventListener(t4, o3, f3));
  else {
    if ("http://www.w3.org/2000/svg" == i3) t4 = t4.replace(/xlink(H|:h)/, "h").replace(/sName$/, "s");
    else if ("width" != t4 && "height" != t4 && "href" != t4 && "list" != t4 && "form" != t4 && "tabIndex" != t4 && "download" != t4 && "rowSpan" != t4 && "colSpan" != t4 && "role" != t4 && "popover" != t4 && t4 in n3) try {
      return void (n3[t4] = null == r3 ? "" : r3);
    } catch (n4) {
    }
    if ("function" == typeof r3) return;
    null == r3 || false === r3 && "-" != t4[4] ? n3.removeAttribute(t4) : n3.setAttribute(t4, "popover" == t4 && 1 == r3 ? "" : r3);
  }
}
function V(t4) {
  return function(r3) {
    var u3 = this.__e;
    if (u3) {
      if (u3 = u3[t4], null == r3[e]) r3[e] = c++;
      else if (r3[e] < this.__a[t4]) return;
      return u3(n.event ? n.event(r3) : r3);
    }
  };
}
function z(t4, r3, u3, i3, f3, o3, e3, l3, c3, a3) {
  var s3, p3, v3, d3, k3, b2, m3, M2, C3, j2, L2, H2, q2, A3, O, P2, T3, N2, V2 = r3.type;
  if (r3.constructor !== h) return null;
  128 & u3.__u && (c3 = 32 & u3.__u, s3 = u3.__c.__z) && (r3.__u |= c3, p3 = o3 = [], 8 == s3.nodeType ? l3 = B(s3, o3) : o3.push(s3), l3 = o3[0] || l3), (s3 = n.__b) && s3(r3);
  n: if ("function" == typeof V2) {
    v3 = e3.length;
    try {
      if (M2 = r3.props, C3 = (s3 = V2.prototype) && s3.render, j2 = (s3 = V2.contextType) && i3[s3.__c], L2 = s3 ? j2 ? j2.props.value : s3.__ : i3, (d3 = u3.__c) ? (r3.__c = d3, 2 & d3.__g && (d3.__g |= 1)) : (C3 ? r3.__c = d3 = new V2(M2, L2) : (r3.__c = d3 = new x(M2, L2), d3.constructor = V2, d3.render = K), j2 && j2.sub(d3), d3.state || (d3.state = {}), d3.__n = i3, d3.__g |= 8, d3.__h = [], d3.__k = []), C3 && (d3.__s || (d3.__s = d3.state), V2.getDerivedStateFromProps && (d3.__s == d3.state && (d3.__s = _({}, d3.__s)), _(d3.__s, V2.getDerivedStateFromProps(M2, d3.__s)))), k3 = d3.props, b2 = d3.state, d3.__v = r3, u3.__c) {
        if (M2 !== k3 && C3 && !V2.getDerivedStateFromProps && d3.componentWillReceiveProps && d3.componentWillReceiveProps(M2, L2), r3.__v == u3.__v && !(8 & d3.__g) || !(4 & d3.__g) && d3.shouldComponentUpdate && false === d3.shouldComponentUpdate(M2, d3.__s, L2)) {
          r3.__v != u3.__v && (d3.props = M2, d3.state = d3.__s, d3.__g &= -9), r3.__e = u3.__e, r3.__k = u3.__k, r3.__k.some(function(n3) {
            n3 && (n3.__ = r3);
          }), y.push.apply(d3.__h, d3.__k), d3.__k = [], d3.__h.length && e3.push(d3), l3 = S(u3);
          break n;
        }
        d3.componentWillUpdate && d3.componentWillUpdate(M2, d3.__s, L2), C3 && d3.componentDidUpdate && d3.__h.push(function() {
          d3.componentDidUpdate(k3, b2, m3);
        });
      } else C3 && !V2.getDerivedStateFromProps && d3.componentWillMount && d3.componentWillMount(), C3 && d3.componentDidMount && d3.__h.push(d3.componentDidMount);
      d3.context = L2, d3.props = M2, d3.__P = t4, d3.__g &= -5, H2 = n.__r, q2 = C3 ? 25 : 0;
      do {
        d3.__g &= -9, H2 && H2(r3), s3 = d3.render(d3.props, d3.state = d3.__s, d3.context);
      } while (8 & d3.__g && ++q2 < 25);
      C3 && (y.push.apply(d3.__h, d3.__k), d3.__k = []), d3.state = d3.__s, d3.getChildContext && (i3 = _({}, i3, d3.getChildContext())), C3 && u3.__c && d3.getSnapshotBeforeUpdate && (m3 = d3.getSnapshotBeforeUpdate(k3, b2)), A3 = s3 && s3.type === $ && null == s3.key ? s3.props.children : s3, M2.__P && (s3 = l3, f3 = (t4 = M2.__P).namespaceURI, c3 = o3 = null, u3.props && u3.props.__P != t4 && (u3.__k.some(function(n3) {
        n3 && J(n3, n3);
      }), u3.__k = null), l3 = u3.__k ? S(u3, 0) : null), l3 = I(t4, w(A3) ? A3 : [A3], r3, u3, i3, f3, o3, e3, l3, c3, a3), M2.__P && (r3.__e = null, l3 = s3), r3.__u &= -161, p3 && p3.some(g), d3.__h.length && e3.push(d3), 1 & d3.__g && (d3.__g &= -4);
    } catch (t5) {
      if (e3.length = v3, r3.__v = null, c3 || o3) if (t5 && t5.then) {
        if (r3.__u |= 128 | c3, o3) {
          for (~(T3 = o3.indexOf(l3 || void 0)) || (T3 = o3.length); (N2 = o3[T3 - 1]) && 8 == N2.nodeType; ) T3--;
          for (; T3 < o3.length; T3++) if (N2 = o3[T3]) if (o3[T3] = null, O) {
            if (N2 == P2) break;
          } else {
            if (8 != N2.nodeType) break;
            N2.data.startsWith("$s") && (P2 = B(O = N2));
          }
        }
        if (!O) {
          for (; l3 && 8 == l3.nodeType && l3.nextSibling; ) l3 = l3.nextSibling;
          O = l3;
        }
        (s3 = B(O = r3.__c.__z || (r3.__c.__z = O))) ? (r3.__e = O, l3 = s3) : r3.__e = l3, l3 = l3 && l3.nextSibling;
      } else o3 && o3.some(g);
      else r3.__e = u3.__e;
      r3.__k || (r3.__k = u3.__k || []), t5 && t5.then || D(r3), n.__e(t5, r3, u3);
    }
  } else l3 = r3.__e = F(u3.__e, r3, u3, i3, f3, o3, e3, c3, a3, t4);
  return (s3 = n.diffed) && s3(r3), l3;
}
function B(n3, t4) {
  if (n3 && 8 == n3.nodeType && n3.data.startsWith("$s")) for (var r3 = 1; n3 = n3.nextSibling; ) {
    if (8 == n3.nodeType) {
      if (n3.data.startsWith("$s")) r3++;
      else if (n3.data.startsWith("/$s") && !--r3) return n3;
    }
    t4 && t4.push(n3);
  }
}
function D(n3) {
  n3 && (n3.__c && (n3.__c.__g |= 4), n3.__k && n3.__k.some(D));
}
function E(t4, r3, u3) {
  for (var i3 = 0; i3 < u3.length; ) G(u3[i3++], u3[i3++], u3[i3++]);
  n.__c && n.__c(r3, t4), t4.some(function(r4) {
    try {
      t4 = r4.__h, r4.__h = [], t4.some(function(n3) {
        n3.call(r4);
      });
    } catch (t5) {
      n.__e(t5, r4.__v);
    }
  });
}
function F(t4, r3, u3, i3, f3, o3, e3, l3, c3, a3) {
  var s3, h3, y3, _3, k3, b2, m3, M2, $2 = u3.props || p, x2 = r3.props, C3 = r3.type;
  if ("svg" == C3 ? f3 = "http://www.w3.org/2000/svg" : "math" == C3 ? f3 = "http://www.w3.org/1998/Math/MathML" : f3 || (f3 = "http://www.w3.org/1999/xhtml"), o3) {
    for (s3 = 0; s3 < o3.length; s3++) if ((k3 = o3[s3]) && (C3 ? k3.localName == C3 : 3 == k3.nodeType)) {
      t4 = k3, o3[s3] = null;
      break;
    }
  }
  if (!t4) {
    if (M2 = a3.ownerDocument || document, !C3) return M2.createTextNode(x2);
    t4 = M2.createElementNS(f3, C3, x2.is ? x2 : a3), l3 && (n.__m && n.__m(r3, o3), l3 = false), o3 = null;
  }
  if (C3) {
    if (a3 = "template" == C3 && t4.content || t4, o3 = "textarea" == C3 && null != x2.defaultValue ? null : o3 && d.call(a3.childNodes), !l3 && o3) for ($2 = {}, s3 = 0; s3 < t4.attributes.length; s3++) $2[(k3 = t4.attributes[s3]).name] = k3.value;
    for (s3 in $2) k3 = $2[s3], "dangerouslySetInnerHTML" == s3 ? y3 = k3 : "children" == s3 || s3 in x2 || "value" == s3 && "defaultValue" in x2 || "checked" == s3 && "defaultChecked" in x2 || N(t4, s3, null, k3, f3);
    for (s3 in x2) k3 = x2[s3], "children" == s3 ? _3 = k3 : "dangerouslySetInnerHTML" == s3 ? h3 = k3 : "value" == s3 ? b2 = k3 : "checked" == s3 ? m3 = k3 : l3 && "function" != typeof k3 || $2[s3] === k3 || N(t4, s3, k3, $2[s3], f3);
    h3 ? (l3 || y3 && (h3.__html == y3.__html || h3.__html == t4.innerHTML) || (t4.innerHTML = h3.__html), r3.__k = []) : (y3 && (t4.textContent = ""), ("foreignObject" == C3 || "http://www.w3.org/1998/Math/MathML" == f3 && v.test(C3)) && (f3 = "http://www.w3.org/1999/xhtml"), I(a3, w(_3) ? _3 : [_3], r3, u3, i3, f3, o3, e3, o3 ? o3[0] : u3.__k && S(u3, 0), l3, c3), o3 && o3.some(g)), l3 && "textarea" != C3 || (s3 = "value", "progress" == C3 && null == b2 ? t4.removeAttribute(s3) : null == b2 || b2 === t4[s3] && ("progress" != C3 || b2) || N(t4, s3, b2, $2[s3], f3), s3 = "checked", null != m3 && m3 != t4[s3] && N(t4, s3, m3, $2[s3], f3));
  } else $2 === x2 || l3 && t4.data == x2 || (t4.data = x2);
  return t4;
}
function G(t4, r3, u3, i3) {
  try {
    "function" == typeof t4 ? r3 ? r3.__x = t4(r3) || 1 : i3 && (i3 = i3.__c || i3.__e) && (r3 = i3.__x) && (i3.__x = null, "function" == typeof r3 ? r3() : t4(null)) : t4.current = r3;
  } catch (t5) {
    n.__e(t5, u3);
  }
}
function J(t4, r3, u3) {
  var i3, f3, o3, e3;
  if (n.unmount && n.unmount(t4), !(i3 = t4.ref) || i3.current && i3.current != t4.__e || G(i3, null, r3, t4), i3 = t4.__c) {
    if (i3.componentWillUnmount) try {
      i3.componentWillUnmount();
    } catch (t5) {
      n.__e(t5, r3);
    }
    i3.__P = i3.__n = null;
  }
  if (i3 = t4.__k) for (e3 = 0; e3 < i3.length; e3++) i3[e3] && J(i3[e3], r3, "function" != typeof t4.type || u3 && !t4.props.__P);
  !u3 && (i3 = t4.__c) && (i3 = i3.__z) && (f3 = B(i3, o3 = [])) && (i3 == t4.__e && o3.some(g), g(f3), g(i3)), u3 || g(t4.__e), t4.__e = t4.__c = t4.__ = null;
}
function K(n3, t4, r3) {
  return this.constructor(n3, r3);
}
function Q(t4, r3) {
  var u3, i3, f3, o3;
  n.__ && n.__(t4, r3), 9 == r3.nodeType && (r3 = r3.documentElement), i3 = (u3 = t4 && 32 & t4.__u) ? null : r3.__k, r3.__k = m($, { children: [t4] }), f3 = [], o3 = [], z(r3, r3.__k, i3 || p, p, r3.namespaceURI, i3 ? null : r3.firstChild ? d.call(r3.childNodes) : null, f3, i3 ? i3.__e : r3.firstChild, u3, o3), E(f3, r3.__k, o3), r3.__k.props.children = null;
}
n = { __e: function(n3, t4, r3, u3) {
  for (var i3, o3, e3; t4 = t4.__; ) if ((i3 = t4.__c) && !(1 & i3.__g)) {
    i3.__g |= 4;
    try {
      if ((e3 = (o3 = i3.constructor) && o3.getDerivedStateFromError) && i3.setState(o3.getDerivedStateFromError(n3)), i3.componentDidCatch && (i3.componentDidCatch(n3, u3 || {}), e3 = 1), e3 && 8 & i3.__g) return void (i3.__g |= 2);
    } catch (t5) {
      n3 = t5;
    }
  }
  throw f = 0, n3;
} }, t = 0, r = function(n3) {
  return null != n3 && n3.constructor === h;
}, x.prototype.setState = function(n3, t4) {
  var r3 = this.__s;
  r3 && r3 != this.state || (r3 = this.__s = _({}, this.state)), "function" == typeof n3 && (n3 = n3(_({}, r3), this.props)), n3 && (_(r3, n3), this.__v && (t4 && this.__k.push(t4), L(this)));
}, x.prototype.forceUpdate = function(n3) {
  this.__v && (this.__g |= 4, n3 && this.__h.push(n3), L(this));
}, x.prototype.render = $, u = [], f = 0, o = function(n3, t4) {
  return n3.__v.__b - t4.__v.__b;
}, e = /* @__PURE__ */ Symbol(), l = /(PointerCapture)$|Capture$/i, c = 0, a = {}, s = 0;

// console/vendor/hooks.mjs
var t2;
var r2;
var u2;
var i2;
var o2 = Object.is;
var f2 = 0;
var c2 = [];
var e2 = [];
var a2 = n;
var v2 = a2.__b;
var l2 = a2.__r;
var m2 = a2.diffed;
var h2 = a2.__c;
var s2 = a2.unmount;
var p2 = a2.__;
function y2(n3, t4) {
  a2.__h && a2.__h(r2, n3, f2 || t4), f2 = 0;
  var u3 = r2.__H || (r2.__H = { __: [], __h: [] });
  return n3 >= u3.__.length && u3.__.push({}), u3.__[n3];
}
function d2(n3) {
  return f2 = 1, _2(G2, n3);
}
function _2(n3, u3, i3) {
  var f3 = y2(t2++, 2);
  if (f3.t = n3, !f3.__c && (f3.__ = [i3 ? i3(u3) : G2(void 0, u3), function(n4) {
    var t4 = (f3.__N || f3.__)[0], r3 = f3.t(t4, n4);
    o2(t4, r3) || (f3.__N = [r3, f3.__[1]], f3.__c.setState({}));
  }], f3.__c = r2, !r2.__f)) {
    r2.__f = true;
    var c3 = r2.shouldComponentUpdate;
    r2.shouldComponentUpdate = function(n4, t4, r3) {
      var u4 = this.__H;
      if (!u4) return true;
      var i4 = false, f4 = this.props != n4;
      if (u4.__.some(function(n5) {
        n5.__N && (i4 = true, o2(n5.__[0], n5.__N[0]) || (f4 = true));
      }), c3) {
        var e3 = c3.call(this, n4, t4, r3);
        return i4 ? e3 || f4 : e3;
      }
      return !i4 || f4;
    };
  }
  return f3.__;
}
function A2(n3, u3) {
  var i3 = y2(t2++, 3);
  !a2.__s && E2(i3.__H, u3) && (i3.__P = true, i3.__ = n3, i3.u = u3, r2.__H.__h.push(i3));
}
function T2(n3) {
  return f2 = 5, w2(function() {
    return { current: n3 };
  }, []);
}
function w2(n3, r3) {
  var u3 = y2(t2++, 7);
  return E2(u3.__H, r3) && (u3.__ = n3(), u3.__H = r3), u3.__;
}
function b(n3, t4) {
  return f2 = 8, w2(function() {
    return n3;
  }, t4);
}
function g2() {
  var n3;
  do {
    for (; n3 = e2.shift(); ) try {
      C2(n3);
    } catch (t5) {
      a2.__e(t5, { __: (n3 = n3.__P) && n3.__v });
    }
    for (; n3 = c2.shift(); ) {
      var t4 = n3.__H;
      if (n3.__P && t4) try {
        t4.__h.some(C2), t4.__h.some(D2), t4.__h = [];
      } catch (r3) {
        t4.__h = [], a2.__e(r3, n3.__v);
      }
    }
  } while (e2.length);
}
a2.__b = function(n3) {
  r2 = null, v2 && v2(n3);
}, a2.__ = function(n3, t4) {
  n3 && t4.__k && t4.__k.__m && (n3.__m = t4.__k.__m), p2 && p2(n3, t4);
}, a2.__r = function(n3) {
  l2 && l2(n3), t2 = 0;
  var i3 = (r2 = n3.__c).__H;
  i3 && (u2 == r2 ? r2.__h = [] : (i3.__h.some(C2), i3.__h.some(D2), t2 = 0), i3.__h = [], i3.__.some(function(n4) {
    n4.__N && (n4.__ = n4.__N), n4.u = n4.__N = void 0;
  })), u2 = r2;
}, a2.diffed = function(n3) {
  m2 && m2(n3);
  var t4 = n3.__c;
  t4 && t4.__H && (t4.__H.__h.length && B2(c2.push(t4)), t4.__H.__.some(function(n4) {
    n4.u && (n4.__H = n4.u);
  })), u2 = r2 = null;
}, a2.__c = function(n3, t4) {
  t4.some(function(n4) {
    try {
      n4.__h.some(C2), n4.__h = n4.__h.filter(function(n5) {
        return !n5.__ || D2(n5);
      });
    } catch (t5) {
      n4.__h = [function() {
        throw t5;
      }];
    }
  }), h2 && h2(n3, t4);
}, a2.unmount = function(n3) {
  s2 && s2(n3);
  var t4, r3, u3 = n3.__c;
  u3 && u3.__H && (u3.__H.__.some(function(u4) {
    try {
      if (u4.__P && u4.__c) {
        if (void 0 === r3) {
          for (r3 = n3.__; r3 && (!r3.__c || !r3.__c.__P); ) r3 = r3.__;
          r3 = r3 && r3.__c;
        }
        u4.__P = r3, B2(e2.push(u4));
      } else C2(u4);
    } catch (n4) {
      t4 = n4;
    }
  }), u3.__H = void 0, t4 && a2.__e(t4, u3.__v));
};
var k2 = "function" == typeof requestAnimationFrame;
function z2(n3) {
  var t4, r3 = function() {
    clearTimeout(u3), k2 && cancelAnimationFrame(t4), setTimeout(n3);
  }, u3 = setTimeout(r3, 35);
  k2 && (t4 = requestAnimationFrame(r3));
}
function B2(n3) {
  1 != n3 && i2 == a2.requestAnimationFrame || ((i2 = a2.requestAnimationFrame) || z2)(g2);
}
function C2(n3) {
  var t4 = r2, u3 = n3.__c;
  "function" == typeof u3 && (n3.__c = void 0, u3()), r2 = t4;
}
function D2(n3) {
  var t4 = r2;
  n3.__c = n3.__(), r2 = t4;
}
function E2(n3, t4) {
  return !n3 || n3.length != t4.length || t4.some(function(t5, r3) {
    return !o2(t5, n3[r3]);
  });
}
function G2(n3, t4) {
  return "function" == typeof t4 ? t4(n3) : t4;
}

// console/vendor/htm.mjs
var n2 = function(t4, s3, r3, e3) {
  var u3;
  s3[0] = 0;
  for (var h3 = 1; h3 < s3.length; h3++) {
    var p3 = s3[h3++], a3 = s3[h3] ? (s3[0] |= p3 ? 1 : 2, r3[s3[h3++]]) : s3[++h3];
    3 === p3 ? e3[0] = a3 : 4 === p3 ? e3[1] = Object.assign(e3[1] || {}, a3) : 5 === p3 ? (e3[1] = e3[1] || {})[s3[++h3]] = a3 : 6 === p3 ? e3[1][s3[++h3]] += a3 + "" : p3 ? (u3 = t4.apply(a3, n2(t4, a3, r3, ["", null])), e3.push(u3), a3[0] ? s3[0] |= 2 : (s3[h3 - 2] = 0, s3[h3] = u3)) : e3.push(a3);
  }
  return e3;
};
var t3 = /* @__PURE__ */ new Map();
function htm_default(s3) {
  var r3 = t3.get(this);
  return r3 || (r3 = /* @__PURE__ */ new Map(), t3.set(this, r3)), (r3 = n2(this, r3.get(s3) || (r3.set(s3, r3 = (function(n3) {
    for (var t4, s4, r4 = 1, e3 = "", u3 = "", h3 = [0], p3 = function(n4) {
      1 === r4 && (n4 || (e3 = e3.replace(/^\s*\n\s*|\s*\n\s*$/g, ""))) ? h3.push(0, n4, e3) : 3 === r4 && (n4 || e3) ? (h3.push(3, n4, e3), r4 = 2) : 2 === r4 && "..." === e3 && n4 ? h3.push(4, n4, 0) : 2 === r4 && e3 && !n4 ? h3.push(5, 0, true, e3) : r4 >= 5 && ((e3 || !n4 && 5 === r4) && (h3.push(r4, 0, e3, s4), r4 = 6), n4 && (h3.push(r4, n4, 0, s4), r4 = 6)), e3 = "";
    }, a3 = 0; a3 < n3.length; a3++) {
      a3 && (1 === r4 && p3(), p3(a3));
      for (var l3 = 0; l3 < n3[a3].length; l3++) t4 = n3[a3][l3], 1 === r4 ? "<" === t4 ? (p3(), h3 = [h3], r4 = 3) : e3 += t4 : 4 === r4 ? "--" === e3 && ">" === t4 ? (r4 = 1, e3 = "") : e3 = t4 + e3[0] : u3 ? t4 === u3 ? u3 = "" : e3 += t4 : '"' === t4 || "'" === t4 ? u3 = t4 : ">" === t4 ? (p3(), r4 = 1) : r4 && ("=" === t4 ? (r4 = 5, s4 = e3, e3 = "") : "/" === t4 && (r4 < 5 || ">" === n3[a3][l3 + 1]) ? (p3(), 3 === r4 && (h3 = h3[0]), r4 = h3, (h3 = h3[0]).push(2, 0, r4), r4 = 0) : " " === t4 || "	" === t4 || "\n" === t4 || "\r" === t4 ? (p3(), r4 = 2) : e3 += t4), 3 === r4 && "!--" === e3 && (r4 = 4, h3 = h3[0]);
    }
    return p3(), h3;
  })(s3)), r3), arguments, [])).length > 1 ? r3 : r3[0];
}

// console/view.js
var html = htm_default.bind(k);

// console/create/task_kinds.js
var TASK_KINDS = {
  text: { tasktype: "text-to-image", hasPrompt: true, hasPicture: false, hasMask: false, isUpscaling: false },
  image: { tasktype: "image-to-image", hasPrompt: true, hasPicture: true, hasMask: false, isUpscaling: false },
  inpaint: { tasktype: "image-to-image", hasPrompt: true, hasPicture: true, hasMask: true, isUpscaling: false },
  upscale: { tasktype: "extra-single-image", hasPrompt: false, hasPicture: true, hasMask: false, isUpscaling: true },
  describe: { tasktype: "interrogate", hasPrompt: false, hasPicture: true, hasMask: false, isUpscaling: false },
  read: { tasktype: "png-info", hasPrompt: false, hasPicture: true, hasMask: false, isUpscaling: false },
  workflow: {
    tasktype: "pipeline",
    hasPrompt: false,
    hasPicture: false,
    hasMask: false,
    isUpscaling: false,
    isWorkflow: true
  }
};
function runtimeTypeOf(kind) {
  return TASK_KINDS[kind].isWorkflow ? "comfyui" : "sdwebui";
}
function kindOf(tasktype, content) {
  if (tasktype === "image-to-image") return content.mask ? "inpaint" : "image";
  return Object.keys(TASK_KINDS).find((name) => TASK_KINDS[name].tasktype === tasktype) ?? "text";
}

// console/create/workflow.js
var NoWorkflow = class extends Error {
};
function readWorkflow(text) {
  let graph;
  try {
    graph = JSON.parse(text);
  } catch (error) {
    throw new NoWorkflow(TEXT.create.workflow.noJson(
      /** @type {Error} */
      error.message
    ));
  }
  graph = graph?.task?.content ?? graph;
  if (Array.isArray(graph?.nodes)) throw new NoWorkflow(TEXT.create.workflow.saved);
  const nodes = graph && typeof graph === "object" && !Array.isArray(graph) ? Object.values(graph) : [];
  if (!nodes.length || !nodes.every(isNode)) throw new NoWorkflow(TEXT.create.workflow.noGraph);
  return graph;
}
function isNode(node) {
  return typeof node?.class_type === "string" && typeof node.inputs === "object" && node.inputs !== null;
}
function literalsOf(workflow) {
  return Object.entries(workflow).map(([id, node]) => ({
    id,
    title: node._meta?.title || node.class_type,
    inputs: Object.entries(node.inputs).filter(([, value]) => ["string", "number", "boolean"].includes(typeof value)).map(([label, value]) => ({ name: nameOfInput(id, label), label, value: (
      /** @type {Literal} */
      value
    ) }))
  })).filter(({ inputs }) => inputs.length);
}
function nameOfInput(id, input) {
  return `${id}.inputs.${input}`;
}
function fieldOfInput(path) {
  return /^task\.content\.(.+\.inputs\..+)$/.exec(path)?.[1];
}
function withLiteral(workflow, id, input, value) {
  const node = workflow[id];
  return { ...workflow, [id]: { ...node, inputs: { ...node.inputs, [input]: value } } };
}

// console/create/task_form.js
var EMPTY_FORM = {
  kind: "text",
  runtime: "",
  model: "",
  prompt: "",
  negativePrompt: "",
  width: 512,
  height: 512,
  steps: 20,
  guidance: 7,
  sampler: "",
  scheduler: "",
  seed: -1,
  batchSize: 1,
  iterations: 1,
  picture: null,
  mask: null,
  strength: 0.75,
  upscaler: "",
  factor: 2,
  id: "",
  prefix: "",
  isLowPriority: false,
  hasPreview: true,
  workflow: null
};
var FIELDS = new Map(
  Object.entries({
    id: "id",
    runtime: "runtime",
    prefix: "prefix",
    sd_model_checkpoint: "model",
    prompt: "prompt",
    negative_prompt: "negativePrompt",
    width: "width",
    height: "height",
    steps: "steps",
    cfg_scale: "guidance",
    sampler_name: "sampler",
    scheduler: "scheduler",
    seed: "seed",
    batch_size: "batchSize",
    n_iter: "iterations",
    init_images: "picture",
    image: "picture",
    mask: "mask",
    denoising_strength: "strength",
    upscaler_1: "upscaler",
    upscaling_resize: "factor"
  })
);
function fieldOf(path) {
  const input = fieldOfInput(path);
  if (input) return input;
  const parts = path.replace(/\[\d+\]/g, "").split(".");
  const name = parts.findLast((part) => FIELDS.has(part));
  return name && FIELDS.get(name);
}
function taskOf(form2, id) {
  const kind = TASK_KINDS[form2.kind];
  const metadata = { id: form2.id || id, runtime: form2.runtime, tasktype: kind.tasktype };
  if (form2.prefix) metadata.prefix = form2.prefix;
  const policy = {
    ...form2.isLowPriority && { lowPriority: true },
    ...form2.hasPreview && (kind.hasPrompt || kind.isWorkflow) && { preview: true }
  };
  if (Object.keys(policy).length) metadata.policy = policy;
  if (kind.isWorkflow) return { task: { metadata, content: form2.workflow ?? {} } };
  const content = { ...modelOf(form2), ...kind.hasPrompt ? generationOf(form2) : {}, ...pictureOf(form2) };
  return { task: { metadata, content } };
}
function modelOf(form2) {
  return form2.model ? { alwayson_scripts: { sd_model_checkpoint: form2.model } } : {};
}
function generationOf(form2) {
  return {
    prompt: form2.prompt,
    ...form2.negativePrompt && { negative_prompt: form2.negativePrompt },
    width: form2.width,
    height: form2.height,
    steps: form2.steps,
    cfg_scale: form2.guidance,
    ...form2.sampler && { sampler_name: form2.sampler },
    ...form2.scheduler && { scheduler: form2.scheduler },
    seed: form2.seed,
    batch_size: form2.batchSize,
    n_iter: form2.iterations
  };
}
function pictureOf(form2) {
  const kind = TASK_KINDS[form2.kind];
  if (!kind.hasPicture) return {};
  const link = form2.picture?.link ?? "";
  if (kind.isUpscaling) {
    return { image: link, upscaling_resize: form2.factor, ...form2.upscaler && { upscaler_1: form2.upscaler } };
  }
  if (!kind.hasPrompt) return { image: link };
  const mask = kind.hasMask ? { mask: form2.mask?.link ?? "", inpainting_fill: 1, inpaint_full_res: false } : {};
  return { init_images: [link], denoising_strength: form2.strength, ...mask };
}
var SEEDS = 2 ** 32;
function randomSeed() {
  return Math.floor(Math.random() * SEEDS);
}
function formOf({ metadata, content }) {
  const kind = kindOf(metadata.tasktype, content);
  if (TASK_KINDS[kind].isWorkflow) {
    return { ...EMPTY_FORM, kind, runtime: metadata.runtime, workflow: (
      /** @type {any} */
      content
    ) };
  }
  const link = content.init_images?.[0] ?? content.image;
  const given = {
    model: content.alwayson_scripts?.sd_model_checkpoint,
    prompt: content.prompt,
    negativePrompt: content.negative_prompt,
    width: content.width,
    height: content.height,
    steps: content.steps,
    guidance: content.cfg_scale,
    sampler: content.sampler_name,
    scheduler: content.scheduler,
    seed: content.seed,
    batchSize: content.batch_size,
    iterations: content.n_iter,
    strength: content.denoising_strength,
    upscaler: content.upscaler_1,
    factor: content.upscaling_resize,
    picture: pictureAt(link),
    mask: pictureAt(content.mask)
  };
  const known2 = Object.entries(given).filter(
    ([name, value]) => value !== void 0 && value !== null && hasTypeOf(name, value)
  );
  return { ...EMPTY_FORM, kind, runtime: metadata.runtime, ...Object.fromEntries(known2) };
}
function pictureAt(link) {
  return typeof link === "string" && /^(https|s3):\/\//.test(link) ? { link, name: link } : null;
}
function hasTypeOf(name, value) {
  const empty = (
    /** @type {Record<string, unknown>} */
    EMPTY_FORM[name]
  );
  return empty === null || typeof empty === typeof value;
}
function newTaskId(now = /* @__PURE__ */ new Date(), random = Math.random) {
  const time = now.toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return `${time}-${Math.floor(random() * 36 ** 5).toString(36).padStart(5, "0")}`;
}

// console/create/draft.js
var SHOWN_TASKS = 4;
var form = EMPTY_FORM;
var sent = [];
function draft() {
  return form;
}
function keepDraft(values) {
  form = values;
}
function forgetDraft() {
  form = EMPTY_FORM;
  sent = [];
}
function sentTasks() {
  return sent;
}
function addSentTask(id) {
  sent = [id, ...sent.filter((known2) => known2 !== id)].slice(0, SHOWN_TASKS);
  return sent;
}

// console/shell/copy_button.js
var SHOWN_MS = 2e3;
function CopyButton({ text, label }) {
  const [outcome, setOutcome] = d2("");
  A2(() => {
    if (!outcome) return void 0;
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

// console/create/fields.js
function attributesOf(name, problem, hint) {
  const described = [problem && `${name}-problem`, hint && `${name}-hint`].filter(Boolean).join(" ");
  return {
    id: name,
    name,
    "aria-invalid": problem ? "true" : void 0,
    "aria-describedby": described || void 0
  };
}
function takenFile(input) {
  const file = input.files?.[0];
  input.value = "";
  return file;
}
function Field({ name, label, problem, hint, children }) {
  return html`
    <div class="field">
      <label for=${name}>${label}</label>
      ${children}
      ${problem && html`<p id="${name}-problem" class="problem">${problem}</p>`}
      ${hint && html`<p id="${name}-hint" class="hint">${hint}</p>`}
    </div>
  `;
}
function TextField({ value, onChange, placeholder, ...place2 }) {
  const { name, problem, hint } = place2;
  return html`
    <${Field} ...${place2}>
      <input
        ...${attributesOf(name, problem, hint)} value=${value} placeholder=${placeholder} spellcheck=${false}
        autocomplete="off" onInput=${(event) => onChange(event.target.value)}
      />
    <//>
  `;
}
function TextArea({ value, onChange, rows, isLarge, placeholder, ...place2 }) {
  const { name, problem, hint } = place2;
  return html`
    <${Field} ...${place2}>
      <textarea
        ...${attributesOf(name, problem, hint)} rows=${rows} class=${isLarge ? "prompt" : ""} value=${value}
        placeholder=${placeholder} onInput=${(event) => onChange(event.target.value)}
      />
    <//>
  `;
}
function NumberField({ value, onChange, min, max, step = 1, ...place2 }) {
  const { name, problem, hint } = place2;
  const [typed, setTyped] = d2(
    /** @type {string | null} */
    null
  );
  const change = (event) => {
    setTyped(event.target.value);
    if (Number.isFinite(event.target.valueAsNumber)) onChange(event.target.valueAsNumber);
  };
  return html`
    <${Field} ...${place2}>
      <input
        ...${attributesOf(name, problem, hint)} type="number" inputmode="decimal" value=${typed ?? value} min=${min} max=${max}
        step=${step} onInput=${change} onBlur=${() => setTyped(null)}
      />
    <//>
  `;
}
function SelectField({ value, onChange, options, ...place2 }) {
  const { name, problem, hint } = place2;
  const all = options.some((option) => option.value === value) ? options : [...options, { value, label: value }];
  return html`
    <${Field} ...${place2}>
      <select
        ...${attributesOf(name, problem, hint)} value=${value}
        onChange=${(event) => onChange(event.target.value)}
      >
        ${all.map((option) => html`<option key=${option.value} value=${option.value}>${option.label}</option>`)}
      </select>
    <//>
  `;
}
function Choices({ name, legend, value, options, onChange }) {
  return html`
    <fieldset>
      <legend class="hidden-text">${legend}</legend>
      <div class="choices">
        ${options.map(
    (option) => html`
            <label key=${option.value}>
              <input
                type="radio" name=${name} value=${option.value} checked=${option.value === value}
                disabled=${option.isOffered === false} onChange=${() => onChange(option.value)}
              />
              <span>${option.label}</span>
            </label>
          `
  )}
      </div>
    </fieldset>
  `;
}
function CheckField({ name, label, isChecked, onChange }) {
  return html`
    <label class="check">
      <input
        type="checkbox" name=${name} checked=${isChecked}
        onChange=${(event) => onChange(event.target.checked)}
      />
      <span>${label}</span>
    </label>
  `;
}

// console/create/request_views.js
var VIEWS = { json: asJson, curl: asCurl, python: asPython };
function RequestViews({ request, base }) {
  const [view, setView] = d2("json");
  const options = Object.keys(VIEWS).map((value) => ({ value, label: TEXT.create.views.names[value] }));
  const text = VIEWS[view](request, base.href.replace(/\/$/, ""));
  return html`
    <details class="panel">
      <summary>${TEXT.create.views.summary}</summary>
      <div class="stack">
        <div class="row spread">
          <${Choices}
            name="view" legend=${TEXT.create.views.legend} value=${view} options=${options} onChange=${setView}
          />
          <${CopyButton} text=${text} label=${TEXT.create.views.copy} />
        </div>
        <pre class="code-box" tabindex="0" aria-label=${TEXT.create.views.names[view]}>${text}</pre>
        ${view !== "json" && html`<p class="hint">${TEXT.create.views.keyHint}</p>`}
      </div>
    </details>
  `;
}
function asJson(request) {
  return JSON.stringify(request, null, 2);
}
function asCurl(request, url) {
  return `curl -sS -H "x-api-key: $API_KEY" "${url}/v1alpha2" --data-binary @- <<'JSON'
${asJson(request)}
JSON`;
}
function asPython(request, url) {
  return [
    "import os",
    "",
    "import darkroom",
    "",
    `request = ${asPythonValue(request, "")}`,
    `client = darkroom.Client(${JSON.stringify(url)}, os.environ["API_KEY"])`,
    "task = client.wait(client.submit_request(request))",
    'print(client.save(task, "out"))'
  ].join("\n");
}
function asPythonValue(value, indent) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  const deeper = `${indent}    `;
  if (Array.isArray(value)) {
    return value.length ? `[${value.map((item) => asPythonValue(item, indent)).join(", ")}]` : "[]";
  }
  if (typeof value === "object") {
    const lines = Object.entries(
      /** @type {object} */
      value
    ).map(
      ([name, item]) => `${deeper}${JSON.stringify(name)}: ${asPythonValue(item, deeper)},
`
    );
    return lines.length ? `{
${lines.join("")}${indent}}` : "{}";
  }
  return JSON.stringify(value);
}

// console/create/runtime_options.js
function useRuntimes(api) {
  const [runtimes, setRuntimes] = d2(
    /** @type {Runtime[] | null} */
    null
  );
  const [error, setError] = d2(
    /** @type {Error | null} */
    null
  );
  const [round, setRound] = d2(0);
  A2(() => {
    api.listRuntimes().then((answer) => {
      setRuntimes(answer.runtimes);
      setError(null);
    }, setError);
  }, [api, round]);
  return { runtimes, error, reload: () => setRound(round + 1) };
}
function useRuntime(api, name) {
  const [runtime, setRuntime] = d2(
    /** @type {RuntimeOptions | null} */
    null
  );
  A2(() => {
    let isCurrent = true;
    setRuntime(null);
    const load = async () => {
      let options = await api.readRuntime(name);
      if (isCurrent) setRuntime(options);
      if (options.type !== "sdwebui" || options.samplers || !options.replicas) return;
      await api.askForNames(name);
      options = await api.readRuntime(name);
      if (isCurrent) setRuntime(options);
    };
    if (name) load().catch(() => {
    });
    return () => {
      isCurrent = false;
    };
  }, [api, name]);
  return runtime;
}

// console/api/poller.js
var SHORTEST_MS = 1500;
var LONGEST_MS = 15e3;
var LONGEST_FAILED_MS = 3e4;
var GROWTH = 1.5;
var Poller = class {
  /**
   * @param {{load: () => Promise<Answer>, onAnswer: (answer: Answer) => void, onError: (error: Error) => void,
   *   shortestMs?: number}} options `onAnswer` gets no answer that a newer request has overtaken.
   */
  constructor({ load, onAnswer, onError, shortestMs = SHORTEST_MS }) {
    this._load = load;
    this._onAnswer = onAnswer;
    this._onError = onError;
    this._shortestMs = shortestMs;
    this._pauseMs = shortestMs;
    this._last = "";
    this._round = 0;
    this._timer = 0;
    this._onVisible = () => document.hidden || this.refresh();
  }
  start() {
    document.addEventListener("visibilitychange", this._onVisible);
    this.refresh();
  }
  stop() {
    document.removeEventListener("visibilitychange", this._onVisible);
    this._round += 1;
    clearTimeout(this._timer);
  }
  /** Send the request now, and begin again with short pauses. */
  refresh() {
    clearTimeout(this._timer);
    this._pauseMs = this._shortestMs;
    this._round += 1;
    return this._run(this._round);
  }
  /** @param {number} round */
  async _run(round) {
    try {
      const answer = await this._load();
      if (round !== this._round) return;
      this._onAnswer(answer);
      const text = JSON.stringify(answer);
      this._pauseMs = text === this._last ? Math.min(this._pauseMs * GROWTH, LONGEST_MS) : this._shortestMs;
      this._last = text;
    } catch (error) {
      if (round !== this._round) return;
      this._onError(
        /** @type {Error} */
        error
      );
      this._pauseMs = Math.min(this._pauseMs * GROWTH, LONGEST_FAILED_MS);
    }
    if (document.hidden) return;
    this._timer = setTimeout(() => this._run(round), this._pauseMs);
  }
};

// console/api/polling.js
function usePolling(load, dependencies, shortestMs) {
  const [answer, setAnswer] = d2(
    /** @type {Answer | null} */
    null
  );
  const [error, setError] = d2(
    /** @type {Error | null} */
    null
  );
  const poller = T2(
    /** @type {Poller<Answer> | null} */
    null
  );
  A2(() => {
    const onAnswer = (loaded) => {
      setAnswer(loaded);
      setError(null);
    };
    const current = new Poller({ load, onAnswer, onError: setError, shortestMs });
    poller.current = current;
    current.start();
    return () => current.stop();
  }, dependencies);
  const refresh = b(() => void poller.current?.refresh(), []);
  return { answer, error, refresh };
}

// console/api/links.js
var ALLOWED_PROTOCOLS = /* @__PURE__ */ new Set(["https:", "blob:"]);
var LOCAL_HOSTS = /* @__PURE__ */ new Set(["127.0.0.1", "localhost", "[::1]"]);
function safeLink(address) {
  if (typeof address !== "string") return void 0;
  let url;
  try {
    url = new URL(address);
  } catch {
    return void 0;
  }
  const isLocal = url.protocol === "http:" && LOCAL_HOSTS.has(url.hostname);
  return ALLOWED_PROTOCOLS.has(url.protocol) || isLocal ? url.href : void 0;
}

// console/api/task_facts.js
var PICTURE = /\.(png|jpe?g|webp|gif|bmp|avif)$/i;
var ACTIVE = ["IN_QUEUE", "IN_PROGRESS"];
var RETRYABLE = ["FAILED", "TIMED_OUT"];
function isActive({ status }) {
  return ACTIVE.includes(status);
}
function isUnsuccessful({ status }) {
  return !isActive({ status }) && status !== "COMPLETED";
}
function isRetryable({ status }) {
  return RETRYABLE.includes(status);
}
function isListOfNames({ tasktype, status, picture_count: count }) {
  return tasktype === "webui-api" && status === "COMPLETED" && !count;
}
function picturesOf(task) {
  return task.outputs.filter(({ s3_url: link }) => PICTURE.test(link));
}
function smallView(output) {
  return safeLink(output.thumbnail) ?? safeLink(output.url);
}
function wordsOf(task) {
  const output = task.outputs.find(({ s3_url: link }) => link.endsWith(".out"));
  if (!output?.base64) return "";
  const bytes = Uint8Array.from(atob(output.base64), (character) => character.charCodeAt(0));
  try {
    const answer = JSON.parse(new TextDecoder().decode(bytes));
    return [answer.caption, answer.info].find((text) => typeof text === "string") ?? "";
  } catch {
    return "";
  }
}

// console/shell/router.js
var SCREENS = (
  /** @type {const} */
  ["create", "watch", "look", "fleet"]
);
function routeOf(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name, id = ""] = path.split("/");
  const screen = SCREENS.find((known2) => known2 === name) ?? "create";
  return { screen, id: decoded(id) || null, query: new URLSearchParams(query) };
}
function placeOf(screen, { id = null, query = {} } = {}) {
  const text = new URLSearchParams(query).toString();
  return `${location.pathname}#/${screen}${id ? `/${encodeURIComponent(id)}` : ""}${text ? `?${text}` : ""}`;
}
function goTo(place2) {
  location.assign(place2);
}
function useRoute() {
  const [route, setRoute] = d2(() => routeOf(location.hash));
  A2(() => {
    const update = () => setRoute(routeOf(location.hash));
    addEventListener("hashchange", update);
    return () => removeEventListener("hashchange", update);
  }, []);
  return route;
}
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

// console/watch/task_actions.js
function TaskActions({ api, task, onChange }) {
  const [isBusy, setBusy] = d2(false);
  const [problem, setProblem] = d2("");
  const run = async (act) => {
    if (isBusy) return;
    setBusy(true);
    setProblem("");
    try {
      await act();
      onChange();
    } catch (error) {
      setProblem(
        /** @type {Error} */
        error.message
      );
    }
    setBusy(false);
  };
  if (!isActive(task) && !isRetryable(task)) return null;
  const { cancel, retry } = TEXT.task.actions;
  return html`
    <div class="row">
      ${isActive(task) && html`
        <button type="button" aria-disabled=${isBusy} aria-label=${cancel.label(task.id)} onClick=${() => run(() => api.cancelTask(task.id))}>
          ${cancel.text}
        </button>
      `}
      ${isRetryable(task) && html`
        <button type="button" aria-disabled=${isBusy} aria-label=${retry.label(task.id)} onClick=${() => run(() => api.retryTask(task.id))}>
          ${retry.text}
        </button>
      `}
    </div>
    <p class="problem" role="alert">${problem}</p>
  `;
}

// console/shell/moments.js
var formatter = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
function asTime(moment) {
  return moment ? formatter.format(new Date(moment)) : "";
}
function asDuration(milliseconds) {
  if (milliseconds < 1e4) return `${(Math.max(0, milliseconds) / 1e3).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1e3);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${seconds} s`;
  if (hours < 1) return `${minutes} min ${seconds % 60} s`;
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
function asBytes(bytes) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1e3 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

// console/api/cold_start.js
var PARTS = (
  /** @type {const} */
  ["node_seconds", "image_seconds", "model_seconds", "ready_seconds"]
);
var known = /* @__PURE__ */ new WeakMap();
function useColdStart(api, runtime) {
  const [parts, setParts] = d2(
    /** @type {Record<string, number | null>} */
    {}
  );
  A2(() => {
    const answers = known.get(api) ?? /* @__PURE__ */ new Map();
    known.set(api, answers);
    const answer = answers.get(runtime) ?? api.readRuntime(runtime).then(({ cold_start: measured }) => measured);
    answers.set(runtime, answer);
    answer.then(setParts, () => answers.delete(runtime));
  }, [api, runtime]);
  return parts;
}

// console/watch/start_parts.js
var REACHED = { models: PARTS.indexOf("model_seconds"), webui: PARTS.indexOf("ready_seconds") };
var FIRST_REPORTED = REACHED.models;
function StartParts({ api, runtime, wait }) {
  const usual = useColdStart(api, runtime);
  const text = TEXT.task.start;
  const reached = Math.max(...wait.starting.map(({ phase }) => REACHED[phase]), -1);
  const isPresent = (index) => reached < 0 ? index < FIRST_REPORTED : index === reached;
  return html`
    <ol class="start-parts small" aria-label=${text.label}>
      ${PARTS.map((part, index) => html`
        <li key=${part} class=${index < reached ? "done" : ""} aria-current=${isPresent(index) ? "step" : void 0}>
          ${text.part(TEXT.fleet.coldStarts.parts[part], typeof usual[part] === "number" ? asDuration(usual[part] * 1e3) : "")}
        </li>
      `)}
    </ol>
    ${reached < 0 && html`<p class="small muted">${text.unreported}</p>`}
  `;
}

// console/watch/task_progress.js
function TaskProgress({ api, task }) {
  const text = TEXT.task.progress;
  const { models, waits_for: wait } = task;
  const lines = task.status === "IN_QUEUE" ? waitingLines(task) : runningLines(task);
  return html`
    <div class="progress-lines">
      <progress
        max="1" value=${models ? models.bytes_done / Math.max(models.bytes, 1) : task.progress}
        aria-label=${models ? text.modelsLabel : text.label}
      ></progress>
      ${lines.map((line) => html`<p key=${line} class="small muted">${line}</p>`)}
      ${wait?.reason === "replica" && html`<${StartParts} api=${api} runtime=${task.runtime} wait=${wait} />`}
    </div>
  `;
}
function waitingLines(task) {
  const text = TEXT.task.progress;
  const lines = [];
  if (task.waits_for) lines.push(text.waitsFor[task.waits_for.reason](task.waits_for.replicas));
  for (const { phase, models } of task.waits_for?.starting ?? []) {
    lines.push(phase === "models" ? text.startsWith(asBytes(models.bytes_done), asBytes(models.bytes)) : text.loads);
  }
  if (task.queue_position) lines.push(text.position(task.queue_position));
  if (task.estimated_start_at) {
    const milliseconds = new Date(task.estimated_start_at).getTime() - Date.now();
    lines.push(milliseconds > 0 ? text.startsIn(asDuration(milliseconds)) : text.startsSoon);
  }
  if (!lines.length) lines.push(text.waiting(asDuration(Date.now() - new Date(task.submitted_at).getTime())));
  return lines;
}
function runningLines(task) {
  const text = TEXT.task.progress;
  if (task.models) return [text.models(asBytes(task.models.bytes_done), asBytes(task.models.bytes))];
  const { sampling_step: step, sampling_steps: steps, job_no: job, job_count: jobs } = task.sampling ?? {};
  const parts = [text.percent(Math.round(task.progress * 100))];
  if (step !== void 0 && steps) parts.push(text.step(step, steps));
  if (job !== void 0 && jobs !== void 0 && jobs > 1) parts.push(text.job(job + 1, jobs));
  return [parts.join(" · ")];
}

// console/watch/task_trouble.js
function TaskTrouble({ task }) {
  const { error } = task;
  if (!error || task.status === "CANCELLED") return null;
  const message = error.details?.length ? "" : error.message;
  return html`
    <div class="trouble small">
      <p><strong class="code">${error.code}</strong> ${message}</p>
      ${error.details?.map(({ field, message: message2 }) => html`<p key=${field}><span class="code">${field}</span>: ${message2}</p>`)}
      <p>${TEXT.task.advice[error.code] ?? TEXT.task.noAdvice}</p>
    </div>
  `;
}

// console/watch/task_card.js
function TaskCard({ api, task, isLarge = false, onChange }) {
  const picture = viewOf(task);
  const prompt = task.prompt ?? "";
  const frame = html`
    <a class="picture-frame" href=${placeOf("look", { id: task.id })}>
      ${picture ? html`<img class="picture" src=${picture} alt=${TEXT.task.picture(prompt || task.id)} loading="lazy" />` : html`<span class="picture" aria-hidden="true"></span><span class="hidden-text">${TEXT.task.open}</span>`}
    </a>
  `;
  return html`
    <article class=${`card ${isLarge ? "card-large" : "card-with-picture"}`} aria-label=${TEXT.task.card(task.id)}>
      ${!isLarge && frame}
      <div class="card-body">
        <div class="row spread">
          <span class="state state-${task.status}">${TEXT.task.states[task.status]}</span>
          <span class="hint">${task.runtime} · ${TEXT.task.types[task.tasktype] ?? task.tasktype}</span>
        </div>
        ${prompt && html`<p class="prompt-line">${prompt}</p>`}
        <p class="small"><a class="code" href=${placeOf("look", { id: task.id })}>${task.id}</a></p>
        ${isActive(task) && html`<${TaskProgress} api=${api} task=${task} />`}
        ${isUnsuccessful(task) && html`<${TaskTrouble} task=${task} />`}
        <${TaskActions} api=${api} task=${task} onChange=${onChange} />
      </div>
      ${/* A large picture that arrives would move the buttons below it. */
  isLarge && picture && frame}
    </article>
  `;
}
function viewOf(task) {
  if (isActive(task)) return safeLink(task.preview);
  const [first] = picturesOf(task);
  return first && smallView(first);
}

// console/create/sent_tasks.js
function SentTasks({ api, ids }) {
  const { answer, refresh } = usePolling(() => Promise.all(ids.map((id) => api.readTask(id))), [api, ids]);
  const tasks = answer ?? [];
  if (!ids.length) {
    return html`
      <section class="panel stack" aria-labelledby="sent">
        <h2 id="sent">${TEXT.create.sent.title}</h2>
        <p class="muted">${TEXT.create.sent.empty}</p>
      </section>
    `;
  }
  return html`
    <section class="stack" aria-labelledby="sent">
      <h2 id="sent">${TEXT.create.sent.title}</h2>
      <div class="cards">
        ${tasks.map((task) => html`<${TaskCard} key=${task.id} api=${api} task=${task} isLarge onChange=${refresh} />`)}
      </div>
    </section>
  `;
}

// console/create/names.js
function namesOf(names, empty) {
  const options = names.map((value) => ({ value, label: value }));
  return empty === void 0 ? options : [{ value: "", label: empty }, ...options];
}

// console/create/generation_fields.js
var SIZES = [
  [512, 512],
  [768, 512],
  [512, 768],
  [1024, 1024]
];
var RANDOM_SEED = -1;
function GenerationFields({ form: form2, field, options, limits, onChange }) {
  const text = TEXT.create;
  return html`
    <div class="fields">
      <${NumberField} ...${field("width")} min=${64} max=${limits?.width} step=${8} />
      <${NumberField} ...${field("height")} min=${64} max=${limits?.height} step=${8} />
      <${NumberField} ...${field("steps")} min=${1} max=${limits?.steps} />
      <${NumberField} ...${field("guidance")} min=${0} step=${0.5} />
      ${TASK_KINDS[form2.kind].hasPicture && html`
        <${NumberField} ...${field("strength")} min=${0} max=${1} step=${0.05} />
      `}
    </div>
    <div class="row" role="group" aria-label=${text.sizes}>
      ${SIZES.map(([width, height]) => html`
        <button
          key=${`${width}×${height}`} type="button" aria-pressed=${form2.width === width && form2.height === height}
          onClick=${() => onChange({ width, height })}
        >${width} × ${height}</button>
      `)}
    </div>
    <div class="fields">
      <${SelectField} ...${field("sampler")} options=${namesOf(options?.samplers ?? [], text.usual)} />
      <${SelectField} ...${field("scheduler")} options=${namesOf(options?.schedulers ?? [], text.usual)} />
      <${NumberField} ...${field("batchSize")} min=${1} max=${limits?.batchSize} />
      <${NumberField} ...${field("iterations")} min=${1} max=${limits?.iterations} />
    </div>
    <div class="seed">
      <${NumberField} ...${field("seed")} min=${RANDOM_SEED} />
      <button type="button" onClick=${() => onChange({ seed: randomSeed() })}>${text.newSeed}</button>
      <button type="button" aria-disabled=${form2.seed === RANDOM_SEED} onClick=${() => onChange({ seed: RANDOM_SEED })}>
        ${text.randomSeed}
      </button>
      <p class="hint">${text.seedHint}</p>
    </div>
  `;
}

// console/create/lora_picker.js
var USUAL_WEIGHT = 1;
function LoraPicker({ names, onPick }) {
  const [name, setName] = d2("");
  const [weight, setWeight] = d2(USUAL_WEIGHT);
  const picked = names.includes(name) ? name : names[0] ?? "";
  const options = names.length ? namesOf(names) : [{ value: "", label: TEXT.create.lora.none }];
  return html`
    <fieldset class="lora" disabled=${!names.length}>
      <legend class="hidden-text">${TEXT.create.lora.group}</legend>
      <${SelectField} name="lora" label=${TEXT.create.lora.name} value=${picked} options=${options} onChange=${setName} />
      <${NumberField}
        name="loraWeight" label=${TEXT.create.lora.weight} value=${weight} step=${0.05} onChange=${setWeight}
      />
      <button type="button" onClick=${() => onPick(`<lora:${picked}:${weight}>`)}>${TEXT.create.lora.add}</button>
    </fieldset>
  `;
}

// console/create/mask_painter.js
var MAX_SIDE = 1024;
var KEY_STEP = 8;
var ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function MaskPainter({ view, width, height, problem, onPaint }) {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
  const [strokes, setStrokes] = d2(
    /** @type {Stroke[]} */
    []
  );
  const [brush, setBrush] = d2(48);
  const [cursor, setCursor] = d2(
    /** @type {Point | null} */
    null
  );
  const current = T2(
    /** @type {Stroke | null} */
    null
  );
  const canvas = T2(
    /** @type {HTMLCanvasElement | null} */
    null
  );
  A2(() => setStrokes([]), [view]);
  A2(() => {
    if (canvas.current) draw(canvas.current, strokes, cursor && { ...cursor, size: brush });
    onPaint(() => strokes.length ? maskOf(strokes, size) : null);
  }, [strokes, cursor, brush]);
  const pointOf = (event) => {
    const box = (
      /** @type {HTMLElement} */
      canvas.current.getBoundingClientRect()
    );
    return {
      x: (event.clientX - box.left) / box.width * size.width,
      y: (event.clientY - box.top) / box.height * size.height
    };
  };
  const begin = (event) => {
    canvas.current?.setPointerCapture(event.pointerId);
    current.current = { size: brush, points: [pointOf(event)] };
    setStrokes([...strokes, current.current]);
  };
  const move = (event) => {
    if (!current.current) return;
    current.current.points.push(pointOf(event));
    setStrokes((known2) => [...known2]);
  };
  const key = (event) => {
    const place2 = cursor ?? { x: size.width / 2, y: size.height / 2 };
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = KEY_STEP * (event.shiftKey ? 5 : 1);
      setCursor({
        x: Math.min(Math.max(place2.x + arrow[0] * step, 0), size.width),
        y: Math.min(Math.max(place2.y + arrow[1] * step, 0), size.height)
      });
    } else if (event.key === " ") {
      setStrokes([...strokes, { size: brush, points: [place2] }]);
    } else {
      return;
    }
    event.preventDefault();
  };
  const text = TEXT.create.mask;
  return html`
    <div class="field" role="group" aria-labelledby="mask-label">
      <span class="label" id="mask-label">${text.label}</span>
      <div class="mask">
        <img src=${view} alt="" width=${size.width} height=${size.height} />
        <canvas
          ref=${canvas} id="mask" width=${size.width} height=${size.height} tabindex="0" role="img"
          aria-label=${text.canvas(strokes.length)} aria-describedby="mask-hint" onPointerDown=${begin}
          onPointerMove=${move} onPointerUp=${() => current.current = null} onKeyDown=${key}
          onBlur=${() => setCursor(null)}
        />
      </div>
      <div class="row mask-tools">
        <label>
          ${text.brush}
          <input
            type="range" min="4" max="160" value=${brush}
            onInput=${(event) => setBrush(event.target.valueAsNumber)}
          />
        </label>
        <button type="button" aria-disabled=${!strokes.length} onClick=${() => setStrokes(strokes.slice(0, -1))}>
          ${text.undo}
        </button>
        <button type="button" aria-disabled=${!strokes.length} onClick=${() => setStrokes([])}>${text.clear}</button>
      </div>
      <p id="mask-hint" class="hint">${text.hint}</p>
      <p class="problem" role="alert">${problem}</p>
    </div>
  `;
}
function draw(canvas, strokes, cursor) {
  const context = (
    /** @type {CanvasRenderingContext2D} */
    canvas.getContext("2d")
  );
  context.clearRect(0, 0, canvas.width, canvas.height);
  paint(context, strokes, getComputedStyle(canvas).getPropertyValue("--accent"));
  if (!cursor) return;
  context.beginPath();
  context.arc(cursor.x, cursor.y, cursor.size / 2, 0, 2 * Math.PI);
  context.lineWidth = 4;
  context.strokeStyle = "#fff";
  context.stroke();
  context.lineWidth = 2;
  context.strokeStyle = "#000";
  context.stroke();
}
function paint(context, strokes, color) {
  context.lineCap = "round";
  context.lineJoin = "round";
  context.strokeStyle = context.fillStyle = color;
  for (const { size, points } of strokes) {
    const [{ x: x2, y: y3 }, ...others] = points;
    context.beginPath();
    context.arc(x2, y3, size / 2, 0, 2 * Math.PI);
    context.fill();
    context.lineWidth = size;
    context.beginPath();
    context.moveTo(x2, y3);
    for (const point of others) context.lineTo(point.x, point.y);
    context.stroke();
  }
}
function maskOf(strokes, { width, height }) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = (
    /** @type {CanvasRenderingContext2D} */
    canvas.getContext("2d")
  );
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  paint(context, strokes, "#fff");
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(
    /** @type {Blob} */
    blob
  ), "image/png"));
}

// console/create/picture_field.js
function PictureField({ api, picture, isShown, problem, onChange }) {
  const [isUploading, setUploading] = d2(false);
  const [refusal, setRefusal] = d2("");
  const [isOver, setOver] = d2(false);
  const newest = T2(
    /** @type {Blob | null} */
    null
  );
  const shown = problem || refusal;
  A2(() => () => void (newest.current = null), []);
  const choose = (chosen) => {
    newest.current = null;
    setUploading(false);
    onChange(chosen);
  };
  const upload = async (file) => {
    if (!file) return;
    newest.current = file;
    setUploading(true);
    setRefusal("");
    try {
      const link = await uploadPicture(api, file);
      const view2 = URL.createObjectURL(file);
      const name = file instanceof File ? file.name : TEXT.create.picture.pasted;
      const uploaded = { link, name, view: view2, ...await sizeOf(view2) };
      if (newest.current === file) choose(uploaded);
    } catch (error) {
      if (newest.current !== file) return;
      setUploading(false);
      setRefusal(
        /** @type {Error} */
        error.message
      );
    }
  };
  A2(() => {
    const paste = (event) => {
      const file = [...event.clipboardData?.files ?? []].find(({ type }) => type.startsWith("image/"));
      if (!file) return;
      event.preventDefault();
      upload(file);
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  });
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    upload(event.dataTransfer?.files[0]);
  };
  const allow = (event) => {
    event.preventDefault();
    setOver(true);
  };
  const view = isShown ? safeLink(picture?.view) : void 0;
  return html`
    <div class="field">
      <span class="label" id="picture-label">${TEXT.create.picture.label}</span>
      <div
        class=${isOver ? "drop over" : "drop"} role="group" aria-labelledby="picture-label"
        onDragOver=${allow} onDragLeave=${() => setOver(false)} onDrop=${drop}
      >
        ${picture && html`<${Picked} picture=${picture} view=${view} onRemove=${() => choose(null)} />`}
        <div class="row">
          <input
            ...${attributesOf("picture-file", shown)} class="visually-file" type="file" accept=${PICTURE_TYPES.join()}
            onChange=${(event) => upload(takenFile(event.target))}
          />
          <label class="button" for="picture-file">
            ${isUploading ? TEXT.create.picture.uploading : TEXT.create.picture.choose}
          </label>
          <span class="hint">${TEXT.create.picture.hint}</span>
        </div>
        <input
          ...${attributesOf("picture", shown)} aria-label=${TEXT.create.picture.link} type="url"
          placeholder=${TEXT.create.picture.linkPlaceholder} value=${picture?.link ?? ""} autocomplete="off"
          onInput=${(event) => choose(namedBy(event.target.value.trim()))}
        />
        <p id="picture-problem" class="problem" role="alert">${shown}</p>
      </div>
    </div>
  `;
}
function Picked({ picture, view, onRemove }) {
  return html`
    <div class="picked stack">
      ${view && html`<img src=${view} alt=${TEXT.create.picture.alt(picture.name)} />`}
      <div class="row spread">
        <span class="small">${picture.name}</span>
        <button type="button" onClick=${onRemove}>${TEXT.create.picture.remove}</button>
      </div>
    </div>
  `;
}
function namedBy(link) {
  return link ? { link, name: link.split(/[?#]/)[0].split("/").at(-1) || link } : null;
}
async function sizeOf(view) {
  const picture = new Image();
  picture.src = view;
  try {
    await picture.decode();
  } catch {
    return {};
  }
  return { width: picture.naturalWidth, height: picture.naturalHeight };
}

// console/create/workflow_fields.js
var LONG_TEXT = 40;
function WorkflowFields({ workflow, problems, onChange }) {
  if (!workflow) return html`<${Source} problem=${problems.workflow} onChange=${onChange} />`;
  return html`
    <div class="row spread">
      <span>${TEXT.create.workflow.kept(Object.keys(workflow).length)}</span>
      <button type="button" onClick=${() => onChange(null)}>${TEXT.create.workflow.remove}</button>
    </div>
    ${literalsOf(workflow).map(
    ({ id, title, inputs }) => html`
        <fieldset key=${id} class="stack">
          <legend>${title} <span class="muted small">${id}</span></legend>
          <div class="fields">
            ${inputs.map(
      (input) => html`
                <${Literal}
                  key=${input.name} input=${input} problem=${problems[input.name]}
                  onChange=${(value) => onChange(withLiteral(workflow, id, input.label, value))}
                />
              `
    )}
          </div>
        </fieldset>
      `
  )}
  `;
}
function Source({ problem, onChange }) {
  const [refusal, setRefusal] = d2("");
  const [isOver, setOver] = d2(false);
  const shown = refusal || problem;
  const read = (text) => {
    try {
      onChange(readWorkflow(text));
    } catch (error) {
      if (!(error instanceof NoWorkflow)) throw error;
      setRefusal(text.trim() ? error.message : "");
    }
  };
  const open2 = async (file) => file && read(await file.text());
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    open2(event.dataTransfer?.files[0]);
  };
  const allow = (event) => {
    event.preventDefault();
    setOver(true);
  };
  return html`
    <div class="field">
      <label for="workflow">${TEXT.create.workflow.label}</label>
      <div class=${isOver ? "drop over" : "drop"} onDragOver=${allow} onDragLeave=${() => setOver(false)} onDrop=${drop}>
        <div class="row">
          <input
            id="workflow-file" class="visually-file" type="file" accept=".json,application/json"
            onChange=${(event) => open2(takenFile(event.target))}
          />
          <label class="button" for="workflow-file">${TEXT.create.workflow.choose}</label>
          <span class="hint">${TEXT.create.workflow.hint}</span>
        </div>
        <textarea
          ...${attributesOf("workflow", shown)} rows=${6} spellcheck=${false}
          onInput=${(event) => read(event.target.value)}
        />
        <p id="workflow-problem" class="problem" role="alert">${shown}</p>
      </div>
    </div>
  `;
}
function Literal({ input: { name, label, value }, problem, onChange }) {
  const place2 = { name, label, problem };
  if (typeof value === "boolean") return html`<${CheckField} ...${place2} isChecked=${value} onChange=${onChange} />`;
  if (typeof value === "number") {
    const step = Number.isInteger(value) ? 1 : 0.01;
    return html`<${NumberField} ...${place2} value=${value} step=${step} onChange=${onChange} />`;
  }
  if (value.length > LONG_TEXT || label === "text") {
    return html`<${TextArea} ...${place2} value=${value} rows=${2} onChange=${onChange} />`;
  }
  return html`<${TextField} ...${place2} value=${value} onChange=${onChange} />`;
}

// console/create/task_fields.js
function TaskFields({ api, runtimes: all, form: form2, problems, onChange, onPaint }) {
  const type = runtimeTypeOf(form2.kind);
  const runtimes = all.filter((runtime2) => runtime2.type === type);
  const options = useRuntime(api, form2.runtime);
  const kind = TASK_KINDS[form2.kind];
  const runtime = runtimes.find(({ name }) => name === form2.runtime);
  A2(() => {
    if (all.length && !runtimes.some(({ name }) => name === form2.runtime)) {
      onChange({ runtime: runtimes[0]?.name ?? "", model: "" });
    }
  }, [form2.runtime, form2.kind, all]);
  const types = all.map((runtime2) => runtime2.type);
  const kinds = Object.keys(TASK_KINDS).map((value) => ({
    value,
    label: TEXT.create.kinds[value],
    isOffered: value !== "workflow" || types.includes(runtimeTypeOf(value))
  }));
  const field = (name) => ({
    name,
    label: TEXT.create.fields[name],
    value: (
      /** @type {any} */
      form2[name]
    ),
    problem: problems[name],
    onChange: (value) => onChange({ [name]: value })
  });
  return html`
    <${Choices}
      name="kind" legend=${TEXT.create.kind} value=${form2.kind} options=${kinds}
      onChange=${(value) => onChange({ kind: value })}
    />
    ${kind.hasPicture && html`
      <${PictureField}
        api=${api} picture=${form2.picture} isShown=${!kind.hasMask} problem=${problems.picture}
        onChange=${(picture) => onChange(withPicture(form2, picture))}
      />
    `}
    ${kind.hasMask && html`<${Mask} form=${form2} problem=${problems.mask} onPaint=${onPaint} onChange=${onChange} />`}
    ${kind.hasPrompt && html`
      <${TextArea} ...${field("prompt")} rows=${3} isLarge placeholder=${TEXT.create.promptExample} />
      <${LoraPicker}
        names=${options?.loras ?? []}
        onPick=${(reference) => onChange({ prompt: `${form2.prompt} ${reference}`.trimStart() })}
      />
      <${TextArea} ...${field("negativePrompt")} rows=${1} />
    `}
    ${kind.isWorkflow && html`
      <${WorkflowFields}
        workflow=${form2.workflow} problems=${problems}
        onChange=${(workflow) => onChange({ workflow })}
      />
    `}
    <div class="fields">
      <${SelectField}
        ...${field("runtime")} onChange=${(name) => onChange({ runtime: name, model: "" })}
        options=${namesOf(runtimes.map(({ name }) => name))}
      />
      ${runtime?.dynamic_model && html`
        <${SelectField} ...${field("model")} options=${namesOf(options?.checkpoints ?? [], TEXT.create.noModel)} />
      `}
    </div>
    ${kind.hasPrompt && html`
      <${GenerationFields} form=${form2} field=${field} options=${options} limits=${runtime?.limits} onChange=${onChange} />
    `}
    ${kind.isUpscaling && html`
      <div class="fields">
        <${SelectField} ...${field("upscaler")} options=${namesOf(options?.upscalers ?? [], TEXT.create.usual)} />
        <${NumberField} ...${field("factor")} min=${1} max=${8} step=${0.5} />
      </div>
    `}
    <details>
      <summary>${TEXT.create.more}</summary>
      <div class="stack">
        <div class="fields">
          <${TextField} ...${field("id")} placeholder=${TEXT.create.newId} />
          <${TextField} ...${field("prefix")} placeholder="output" />
        </div>
        ${(kind.hasPrompt || kind.isWorkflow) && html`
          <${CheckField}
            name="hasPreview" label=${TEXT.create.hasPreview} isChecked=${form2.hasPreview}
            onChange=${(hasPreview) => onChange({ hasPreview })}
          />
        `}
        <${CheckField}
          name="isLowPriority" label=${TEXT.create.isLowPriority} isChecked=${form2.isLowPriority}
          onChange=${(isLowPriority) => onChange({ isLowPriority })}
        />
      </div>
    </details>
  `;
}
function Mask({ form: form2, problem, onPaint, onChange }) {
  const view = safeLink(form2.picture?.view);
  const { width, height } = form2.picture ?? {};
  if (form2.mask) {
    return html`
      <div class="row spread">
        <span>${TEXT.create.mask.kept}</span>
        <button type="button" onClick=${() => onChange({ mask: null })}>${TEXT.create.mask.paintAnew}</button>
      </div>
    `;
  }
  if (!view || !width || !height) {
    const text = form2.picture ? TEXT.create.mask.noView : TEXT.create.mask.noPicture;
    return html`<p class="hint">${text}</p>`;
  }
  return html`<${MaskPainter} view=${view} width=${width} height=${height} problem=${problem} onPaint=${onPaint} />`;
}
var SIDE_STEP = 8;
var LONGEST_SIDE = 1024;
function withPicture(form2, picture) {
  const { width, height } = picture ?? {};
  if (!width || !height || !TASK_KINDS[form2.kind].hasPrompt) return { picture, mask: null };
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const side = (pixels) => Math.max(SIDE_STEP, Math.round(pixels * scale / SIDE_STEP) * SIDE_STEP);
  return { picture, mask: null, width: side(width), height: side(height) };
}

// console/create/create_screen.js
var NO_PROBLEMS = { fields: {}, general: [] };
var EXAMPLE_ID = "my-picture";
function CreateScreen({ api }) {
  const [form2, setForm] = d2(draft);
  const [problems, setProblems] = d2(NO_PROBLEMS);
  const { runtimes, error, reload } = useRuntimes(api);
  const [isSending, setSending] = d2(false);
  const [sent2, setSent] = d2(sentTasks);
  const mask = T2(
    /** @type {() => Promise<Blob> | null} */
    (() => null)
  );
  const side = T2(
    /** @type {HTMLElement | null} */
    null
  );
  const element = T2(
    /** @type {HTMLFormElement | null} */
    null
  );
  const isReady = !isSending && Boolean(form2.runtime);
  const change = (changed) => {
    setForm((known2) => {
      const values = { ...known2, ...changed };
      keepDraft(values);
      return values;
    });
    const names = Object.keys(changed);
    setProblems((known2) => ({
      general: [],
      fields: Object.fromEntries(
        Object.entries(known2.fields).filter(([name]) => !names.includes(name.includes(".inputs.") ? "workflow" : name))
      )
    }));
  };
  const show = (found) => {
    setProblems(found);
    requestAnimationFrame(() => {
      const field = element.current?.querySelector('[aria-invalid="true"], [role="alert"]:not(:empty)');
      if (field instanceof HTMLElement) field.focus();
    });
  };
  const send = async (event) => {
    event.preventDefault();
    if (!isReady) return;
    const missing = missingIn(form2, mask.current);
    if (missing) return show({ ...NO_PROBLEMS, fields: missing });
    setSending(true);
    try {
      const { id_task: id } = await api.submitTask(taskOf(await withMask(form2, mask.current, api), newTaskId()));
      setProblems(NO_PROBLEMS);
      setSent(addSentTask(id));
      side.current?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    } catch (error2) {
      show(problemsOf(
        /** @type {Error} */
        error2
      ));
    }
    setSending(false);
  };
  const sendByKey = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) element.current?.requestSubmit();
  };
  return html`
    <div class="screen">
      <h1 class="hidden-text">${TEXT.shell.screens.create}</h1>
      <div class="create">
        <form class="panel stack" ref=${element} onSubmit=${send} onKeyDown=${sendByKey} novalidate>
          <${TaskFields}
            api=${api} runtimes=${runtimes ?? []} form=${form2} problems=${problems.fields} onChange=${change}
            onPaint=${(painted) => mask.current = painted}
          />
          <div role="alert" class=${problems.general.length ? "trouble" : ""} tabindex="-1">
            ${problems.general.map((text) => html`<p key=${text}>${text}</p>`)}
          </div>
          <div class="row send">
            <button class="primary large" type="submit" aria-disabled=${!isReady}>
              ${isSending ? TEXT.create.sending : TEXT.create.send}
            </button>
            <span class="hint" role="status">${stateOf({ form: form2, runtimes, error })}</span>
            ${error && html`<button type="button" onClick=${reload}>${TEXT.shell.again}</button>`}
            ${form2.runtime && html`<span class="hint keys">${TEXT.create.sendHint}</span>`}
          </div>
        </form>
        <div class="stack create-side" ref=${side}>
          <${SentTasks} api=${api} ids=${sent2} />
          <${RequestViews} request=${taskOf(form2, EXAMPLE_ID)} base=${api.base} />
        </div>
      </div>
    </div>
  `;
}
function stateOf({ form: form2, runtimes, error }) {
  const text = TEXT.create;
  if (error) return text.noRuntimes;
  if (form2.runtime) return "";
  if (!runtimes) return text.loadingRuntimes;
  return runtimes.length ? text.otherRuntimes : text.emptyRuntimes;
}
function missingIn(form2, painted) {
  const kind = TASK_KINDS[form2.kind];
  if (kind.isWorkflow && !form2.workflow) return { workflow: TEXT.create.workflow.missing };
  if (kind.hasPicture && !form2.picture) return { picture: TEXT.create.picture.missing };
  if (kind.hasMask && !form2.mask && !painted()) return { mask: TEXT.create.mask.missing };
  return null;
}
async function withMask(form2, painted, api) {
  const mask = TASK_KINDS[form2.kind].hasMask ? await painted() : null;
  return mask ? { ...form2, mask: { link: await uploadPicture(api, mask), name: "mask.png" } } : form2;
}
function problemsOf(error) {
  if (!(error instanceof ApiError)) return { ...NO_PROBLEMS, general: [error.message] };
  const problems = { fields: {}, general: [] };
  for (const { field, message } of error.details) {
    const name = fieldOf(field);
    if (name) problems.fields[name] = message;
    else problems.general.push(`${field}: ${message}`);
  }
  if (!error.details.length) problems.general.push(error.message);
  return problems;
}

// console/fleet/amounts.js
function asNumber(value) {
  if (value === null || value === void 0) return TEXT.fleet.unknown;
  return new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 }).format(value);
}
function asCount(value) {
  return asNumber(value ?? 0);
}
function asPercent(share) {
  return share === null || share === void 0 ? TEXT.fleet.unknown : `${Math.round(share * 100)} %`;
}
function asMoney(amount) {
  if (amount === null || amount === void 0) return TEXT.fleet.unknown;
  return new Intl.NumberFormat("en-GB", { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" }).format(amount);
}
function sumOf(values) {
  const known2 = values.filter((value) => value !== null);
  return known2.length ? known2.reduce((sum, value) => sum + value, 0) : null;
}

// console/fleet/chart.js
var WIDTH = 240;
var HEIGHT = 48;
var MARGIN = 2;
function Chart({ name, values, most, show }) {
  const known2 = values.filter((value) => value !== null);
  const largest = known2.length ? Math.max(...known2) : null;
  const edge = Math.max(most ?? largest ?? 0, Number.MIN_VALUE);
  const last = known2.at(-1) ?? null;
  return html`
    <figure class="chart">
      <figcaption class="row spread"><span>${name}</span><strong>${show(last)}</strong></figcaption>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${TEXT.fleet.charts.label(name, show(last), show(largest))}>
        <path class="chart-ground" d="M0 ${HEIGHT - 1}H${WIDTH}" />
        <path class="chart-line" d=${lineOf(values, edge)} />
        <path class="chart-dot" d=${dotsOf(values, edge)} />
      </svg>
    </figure>
  `;
}
function lineOf(values, edge) {
  return values.map((value, index) => {
    const command = (values[index - 1] ?? null) === null ? "M" : "L";
    return value === null ? "" : command + placeOf2(values, index, edge);
  }).join("");
}
function dotsOf(values, edge) {
  return values.map((value, index) => {
    const isAlone = value !== null && (values[index - 1] ?? values[index + 1] ?? null) === null;
    return isAlone ? `M${placeOf2(values, index, edge)}h0.01` : "";
  }).join("");
}
function placeOf2(values, index, edge) {
  const x2 = index * WIDTH / Math.max(values.length - 1, 1);
  const share = Math.min((values[index] ?? 0) / edge, 1);
  return `${x2.toFixed(1)} ${(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)).toFixed(1)}`;
}

// console/fleet/cold_starts.js
var SHOWN = 6;
function ColdStarts({ fleet }) {
  const starts = startsOf(fleet);
  const text = TEXT.fleet.coldStarts;
  if (!starts.length) return html`<p class="hint">${text.none}</p>`;
  const longest = Math.max(...starts.map(({ all }) => all));
  return html`
    <ul class="legend small" aria-hidden="true">
      ${PARTS.map((part, index) => html`<li key=${part} class="part-${index}">${text.parts[part]}</li>`)}
    </ul>
    <ol class="cold-starts small">
      ${starts.map((start) => html`
        <li key=${start.at}>
          <div class="row spread"><span>${asTime(start.at)}</span><strong>${asDuration(start.all * 1e3)}</strong></div>
          <${Bar} start=${start} longest=${longest} />
        </li>
      `)}
    </ol>
  `;
}
function Bar({ start, longest }) {
  const words = start.parts.map((seconds, index) => `${TEXT.fleet.coldStarts.parts[PARTS[index]]} ${asDuration(seconds * 1e3)}`);
  let before = 0;
  return html`
    <svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label=${words.join(", ")}>
      ${start.parts.map((seconds, index) => {
    const x2 = before / longest * 100;
    before += seconds;
    return html`<rect key=${index} class="part-${index}" x=${x2} width=${seconds / longest * 100} height="4" />`;
  })}
    </svg>
  `;
}
function startsOf({ cold_starts: series, chart_begins_at: begin, chart_period_seconds: period }) {
  const starts = [];
  for (let index = series[PARTS[0]].length - 1; index >= 0 && starts.length < SHOWN; index -= 1) {
    const parts = PARTS.map((part) => series[part]?.[index] ?? 0);
    const all = parts.reduce((sum, seconds) => sum + seconds, 0);
    if (all) starts.push({ at: new Date(new Date(begin).getTime() + index * period * 1e3).toISOString(), parts, all });
  }
  return starts;
}

// console/fleet/figure.js
function Figure({ name, value }) {
  const known2 = value === TEXT.fleet.unknown ? "muted" : "amount";
  return html`<div class="figure"><dt>${name}</dt><dd class=${known2}>${value}</dd></div>`;
}

// console/fleet/dead_letters.js
function DeadLetters({ api, letters, onChange }) {
  const [outcome, setOutcome] = d2("");
  const text = TEXT.fleet.deadLetters;
  const redrive = async (id) => {
    try {
      await api.retryTask(id);
      setOutcome(text.redriven(id));
      onChange();
    } catch (error) {
      setOutcome(
        /** @type {Error} */
        error.message
      );
    }
  };
  return html`
    <details open=${letters.length > 0}>
      <summary>${text.title(letters.length)}</summary>
      ${!letters.length && html`<p class="hint">${text.none}</p>`}
      <ul class="dead-letters small">
        ${letters.map(({ id, message, completed_at: moment }) => html`
          <li key=${id}>
            <div class="row spread">
              <a class="code" href=${placeOf("look", { id })}>${id}</a>
              <button type="button" aria-label=${text.label(id)} onClick=${() => redrive(id)}>${text.redrive}</button>
            </div>
            <p>${message}</p>
            <p class="muted">${asTime(moment)}</p>
          </li>
        `)}
      </ul>
    </details>
    <p class="small" role="status">${outcome}</p>
  `;
}

// console/fleet/runtime_panel.js
var MINUTES_OF_AN_HOUR = 60;
function RuntimePanel({ api, runtime, onChange }) {
  const { name, chart, dead_letters: letters } = runtime;
  const text = TEXT.fleet;
  const id = `runtime-${name}`;
  return html`
    <section class="panel stack" aria-labelledby=${id}>
      <h2 id=${id}>${name}</h2>
      <dl class="figures">
        ${figuresOf(runtime).map(([key, value]) => html`<${Figure} key=${key} name=${text.figures[key]} value=${value} />`)}
      </dl>
      <div class="charts">
        <${Chart} name=${text.charts.pictures} values=${chart.pictures} show=${asCount} />
        <${Chart} name=${text.charts.failed} values=${chart.failed} show=${asCount} />
        <${Chart} name=${text.charts.replicas} values=${chart.replicas} show=${asNumber} />
        <${Chart} name=${text.charts.busy} values=${chart.busy_share} most=${1} show=${asPercent} />
      </div>
      <p class="hint">${text.charts.span}${runtime.price && ` ${text.price(asMoney(runtime.price.usd_per_hour), runtime.price.basis)}`}</p>
      <${DeadLetters} api=${api} letters=${letters} onChange=${onChange} />
    </section>
  `;
}
function figuresOf({ queue, replicas, busy_share: busy, last_hour: hour, last_day: day }) {
  const atLeast = queue.is_complete ? "" : "> ";
  return [
    ["waiting", atLeast + asNumber(queue.waiting)],
    ["running", atLeast + asNumber(queue.running)],
    ["oldest", queue.oldest_seconds === null ? TEXT.fleet.nothing : asDuration(queue.oldest_seconds * 1e3)],
    ["replicas", TEXT.fleet.replicas(replicas.live, replicas.busy)],
    ["busy", asPercent(busy)],
    ["pace", asNumber(hour.pictures / MINUTES_OF_AN_HOUR)],
    ["failed", asNumber(hour.failed + hour.timed_out)],
    ["costHour", asMoney(hour.cost_usd)],
    ["costDay", asMoney(day.cost_usd)]
  ];
}

// console/fleet/fleet_screen.js
function FleetScreen({ api }) {
  const { answer: fleet, error, refresh } = usePolling(() => api.readFleet(), [api], LONGEST_MS);
  return html`
    <div class="screen">
      <h1>${TEXT.shell.screens.fleet}</h1>
      ${error instanceof ApiError && html`<p class="trouble" role="alert">${TEXT.fleet.refused(error.message)}</p>`}
      ${!fleet && !error && html`<p class="empty" role="status">${TEXT.shell.loading}</p>`}
      ${fleet && html`
        <div class="runtimes">
          <${Environment} fleet=${fleet} />
          ${fleet.runtimes.map((runtime) => html`<${RuntimePanel} key=${runtime.name} api=${api} runtime=${runtime} onChange=${refresh} />`)}
        </div>
        <p class="hint fleet-time">${TEXT.fleet.readAt(asTime(fleet.measured_at))}</p>
      `}
    </div>
  `;
}
function Environment({ fleet }) {
  const { runtimes, nodes } = fleet;
  const text = TEXT.fleet;
  const figures = [
    ["costHour", asMoney(sumOf(runtimes.map(({ last_hour: hour }) => hour.cost_usd)))],
    ["costDay", asMoney(sumOf(runtimes.map(({ last_day: day }) => day.cost_usd)))],
    ["nodes", asNumber(nodes?.findLast((value) => value !== null))],
    ["unreadable", asNumber(fleet.unreadable_messages)],
    ["webhooks", asNumber(fleet.undelivered_webhooks)]
  ];
  return html`
    <section class="panel stack environment" aria-labelledby="environment">
      <h2 id="environment">${text.environment}</h2>
      <dl class="figures">
        ${figures.map(([key, value]) => html`<${Figure} key=${key} name=${text.figures[key]} value=${value} />`)}
      </dl>
      ${nodes && html`<${Chart} name=${text.charts.nodes} values=${nodes} show=${asNumber} />`}
      <h3>${text.coldStarts.title}</h3>
      <${ColdStarts} fleet=${fleet} />
    </section>
  `;
}

// console/look/gallery_filters.js
var PAUSE_MS = 400;
var NAMES = ["text", "runtime", "status", "key"];
var USUAL_STATUS = "COMPLETED";
var ANY_STATUS = "ANY";
var STATUSES = ["COMPLETED", "FAILED", "TIMED_OUT", "CANCELLED", "IN_PROGRESS", "IN_QUEUE", ANY_STATUS];
function filtersOf(query) {
  return Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""]));
}
function queryOf({ status, ...filters }) {
  return { ...filters, status: status === ANY_STATUS ? "" : status || USUAL_STATUS };
}
function GalleryFilters({ api, filters, onChange }) {
  const { runtimes } = useRuntimes(api);
  const [typed, setTyped] = d2({ text: filters.text, key: filters.key });
  const timer = T2(0);
  A2(() => setTyped({ text: filters.text, key: filters.key }), [filters]);
  A2(() => () => clearTimeout(timer.current), []);
  const change = (changed) => {
    clearTimeout(timer.current);
    const next = { ...filters, ...typed, ...changed };
    onChange(Object.fromEntries(Object.entries(next).filter(([, value]) => value)));
  };
  const typing = (name) => (value) => {
    setTyped({ ...typed, [name]: value });
    clearTimeout(timer.current);
    timer.current = setTimeout(() => change({ [name]: value }), PAUSE_MS);
  };
  const text = TEXT.look.filters;
  const statuses = STATUSES.map((value) => ({ value, label: value === ANY_STATUS ? text.anyStatus : TEXT.task.states[value] }));
  return html`
    <div class="filters" role="search">
      <${TextField} name="text" label=${text.text} value=${typed.text} onChange=${typing("text")} placeholder=${text.textExample} />
      <${SelectField}
        name="runtime" label=${text.runtime} value=${filters.runtime}
        options=${namesOf((runtimes ?? []).map(({ name }) => name), text.anyRuntime)}
        onChange=${(runtime) => change({ runtime })}
      />
      <${SelectField}
        name="status" label=${text.status} value=${filters.status || USUAL_STATUS} options=${statuses}
        onChange=${(status) => change({ status: status === USUAL_STATUS ? "" : status })}
      />
      <${TextField} name="key" label=${text.key} value=${typed.key} onChange=${typing("key")} placeholder=${text.anyKey} />
    </div>
  `;
}

// console/look/pages.js
function withNewest([first, ...older], newest) {
  const moved = idsOf([newest]);
  const kept2 = older.map((page) => page.some(({ id }) => moved.has(id)) ? page.filter(({ id }) => !moved.has(id)) : page);
  return [[...newest, ...first.filter(({ id }) => !moved.has(id))], ...kept2];
}
function hasGap(pages, { tasks, next }) {
  const known2 = idsOf(pages);
  return next !== null && !tasks.some(({ id }) => known2.has(id));
}
function withPage(pages, page) {
  const known2 = idsOf(pages);
  return [...pages, page.filter(({ id }) => !known2.has(id))];
}
function idsOf(pages) {
  return new Set(pages.flat().map(({ id }) => id));
}

// console/look/tile.js
function Tile({ task, filters }) {
  const query = Object.fromEntries(Object.entries(filters).filter(([, value]) => value));
  const address = safeLink(task.thumbnail);
  const [broken, setBroken] = d2("");
  const drop = () => {
    if (address) forgetLink(address);
    setBroken(address ?? "");
  };
  const prompt = task.prompt || task.id;
  const count = task.picture_count;
  return html`
    <a class="tile" href=${placeOf("look", { id: task.id, query })}>
      ${address && address !== broken ? html`
            <img
              src=${address} alt=${TEXT.task.picture(prompt)} loading="lazy" decoding="async"
              onError=${drop}
            />
            ${count > 1 && html`<span class="tile-count">${TEXT.look.gallery.count(count)}</span>`}
          ` : html`
            <span class="tile-text">
              <span class="prompt-line">${prompt}</span>
              ${task.error_code && html`<span class="code">${task.error_code}</span>`}
              <span class="state state-${task.status}">${TEXT.task.states[task.status]}</span>
            </span>
          `}
    </a>
  `;
}

// console/look/tile_page.js
function TilePage({ tasks, filters }) {
  return w2(
    () => html`
      <${$}>
        ${tasks.filter((task) => !isListOfNames(task)).map((task) => html`
          <li key=${task.id}><${Tile} task=${task} filters=${filters} /></li>
        `)}
      <//>
    `,
    [tasks, filters]
  );
}

// console/look/gallery.js
var PAGE_TASKS = 48;
var NO_TASKS = [];
var MARGIN2 = "800px";
function Gallery({ api, filters }) {
  const [pages, setPages] = d2(
    /** @type {ListedTask[][]} */
    []
  );
  const [next, setNext] = d2(
    /** @type {string | null | undefined} */
    void 0
  );
  const [isLoading, setLoading] = d2(false);
  const [problem, setProblem] = d2(
    /** @type {Error | null} */
    null
  );
  const end = T2(
    /** @type {HTMLElement | null} */
    null
  );
  const { answer, error } = usePolling(() => api.listTasks({ ...queryOf(filters), limit: PAGE_TASKS }), [api, filters]);
  const shown = pages.length ? pages : [answer?.tasks ?? NO_TASKS];
  const isEmpty = shown.every((tasks) => tasks.every(isListOfNames));
  const position = next === void 0 ? answer?.next : next;
  A2(() => {
    if (!answer) return;
    if (pages.length && hasGap(pages, answer)) {
      setPages([]);
      setNext(void 0);
    } else {
      setPages((known2) => known2.length ? withNewest(known2, answer.tasks) : known2);
    }
  }, [answer]);
  const loadMore = async () => {
    if (!position || isLoading) return;
    setLoading(true);
    setProblem(null);
    try {
      const page = await api.listTasks({ ...queryOf(filters), limit: PAGE_TASKS, next: position });
      setPages((known2) => withPage(known2.length ? known2 : [answer?.tasks ?? NO_TASKS], page.tasks));
      setNext(page.next);
    } catch (refused) {
      setProblem(
        /** @type {Error} */
        refused
      );
    }
    setLoading(false);
  };
  A2(() => {
    const element = end.current;
    if (!element || problem) return void 0;
    const observer = new IntersectionObserver(([entry]) => entry.isIntersecting && loadMore(), { rootMargin: MARGIN2 });
    observer.observe(element);
    return () => observer.disconnect();
  }, [position, isLoading, problem]);
  const refusal = problem ?? (error instanceof ApiError ? error : null);
  const text = TEXT.look.gallery;
  return html`
    ${refusal && html`<p class="trouble" role="alert">${refusal.message}</p>`}
    ${answer && isEmpty && !position && html`<${Empty} isFiltered=${Object.values(filters).some(Boolean)} />`}
    <ul class="gallery" aria-label=${text.label}>
      ${shown.map((tasks, index) => html`<${TilePage} key=${index} tasks=${tasks} filters=${filters} />`)}
    </ul>
    <div class="more" ref=${end}>
      ${!answer && !error && html`<p class="muted" role="status">${TEXT.shell.loading}</p>`}
      ${position && html`
        <button type="button" aria-disabled=${isLoading} onClick=${loadMore}>${isLoading ? TEXT.shell.loading : text.more}</button>
      `}
    </div>
  `;
}
function Empty({ isFiltered }) {
  const text = TEXT.look.gallery;
  return html`
    <div class="empty">
      <p>${isFiltered ? text.nothingFound : text.empty}</p>
      ${isFiltered ? html`<a class="button" href=${placeOf("look")}>${text.showAll}</a>` : html`<a class="button" href=${placeOf("create")}>${TEXT.watch.toCreate}</a>`}
    </div>
  `;
}

// console/look/download_link.js
var KEPT_MS2 = 6e4;
function DownloadLink({ address, name }) {
  const store = async (event) => {
    event.preventDefault();
    const file = await fileAt(address);
    if (!file) return void open(address, "_blank", "noopener,noreferrer");
    const view = URL.createObjectURL(file);
    Object.assign(document.createElement("a"), { href: view, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(view), KEPT_MS2);
  };
  return html`
    <a class="button" href=${address} download=${name} rel="noopener noreferrer" onClick=${store}>${TEXT.look.actions.download}</a>
  `;
}
async function fileAt(address) {
  try {
    const response = await fetch(address, { cache: "reload", credentials: "omit" });
    return response.ok ? await response.blob() : null;
  } catch {
    return null;
  }
}

// console/look/picture_actions.js
function PictureActions({ task, request, picture }) {
  const text = TEXT.look.actions;
  const address = safeLink(picture?.url);
  const name = picture?.s3_url.split("/").at(-1) ?? "";
  const useAsInput = async () => {
    const view = await sizedView(address);
    const known2 = request ? formOf(request.task) : { ...EMPTY_FORM, runtime: task.runtime };
    keepDraft({ ...known2, kind: "image", seed: -1, mask: null, picture: { link: picture?.s3_url ?? "", name, ...view } });
    goTo(placeOf("create"));
  };
  const makeAnother = () => {
    if (request) keepDraft({ ...formOf(request.task), seed: randomSeed() });
    goTo(placeOf("create"));
  };
  return html`
    <div class="row">
      ${picture && html`<button type="button" class="primary" onClick=${useAsInput}>${text.useAsInput}</button>`}
      ${request && "prompt" in request.task.content && html`<button type="button" onClick=${makeAnother}>${text.anotherSeed}</button>`}
    </div>
    ${picture && html`
      <div class="row">
        ${address && html`
          <${DownloadLink} address=${address} name=${name} />
          <${CopyButton} text=${address} label=${text.copyLink} />
        `}
        <${CopyButton} text=${picture.s3_url} label=${text.copyS3} />
      </div>
    `}
  `;
}
async function sizedView(address) {
  if (!address) return {};
  const picture = new Image();
  picture.src = address;
  try {
    await picture.decode();
  } catch {
    return {};
  }
  return { view: address, width: picture.naturalWidth, height: picture.naturalHeight };
}

// console/look/picture_stage.js
function PictureStage({ task, pictures, number, onNumber }) {
  const address = safeLink(pictures[number]?.url ?? task?.preview);
  const prompt = task?.prompt || task?.id || "";
  return html`
    <div class="picture-stage">
      ${address ? html`<img src=${address} alt=${TEXT.task.picture(prompt)} />` : html`<p class="muted">${task ? TEXT.look.noPicture : ""}</p>`}
      ${pictures.length > 1 && html`
        <div class="picture-strip" role="group" aria-label=${TEXT.look.pictures}>
          ${pictures.map((picture, index) => html`
            <button
              key=${picture.s3_url} type="button" aria-current=${index === number ? "true" : void 0}
              aria-label=${TEXT.look.pictureNumber(index + 1, pictures.length)} onClick=${() => onNumber(index)}
            >
              <img src=${smallView(picture)} alt="" loading="lazy" />
            </button>
          `)}
        </div>
      `}
    </div>
  `;
}

// console/look/task_details.js
var LONG_FIELDS = /* @__PURE__ */ new Set(["prompt", "negative_prompt", "init_images", "image", "imageList", "mask", "alwayson_scripts"]);
function labelOf(name) {
  return TEXT.create.fields[fieldOf(name) ?? ""] ?? name;
}
function TaskFacts({ task, request, words, number }) {
  const text = TEXT.look.facts;
  const content = request?.task.content ?? {};
  const info = request?.info;
  const seed = info?.all_seeds?.[number] ?? info?.seed ?? content.seed;
  const prompt = content.prompt ?? task.prompt;
  const rows = [
    [text.seed, seed === void 0 ? "" : String(seed)],
    ...Object.entries(content).filter(([name, value]) => !LONG_FIELDS.has(name) && name !== "seed" && value !== null).map(([name, value]) => (
      /** @type {[string, string]} */
      [labelOf(name), typeof value === "string" ? value : JSON.stringify(value)]
    )),
    [text.model, String(content.alwayson_scripts?.sd_model_checkpoint ?? info?.sd_model_name ?? "")],
    [text.runtime, task.runtime],
    [text.key, task.key ?? ""],
    [text.type, TEXT.task.types[task.tasktype] ?? task.tasktype],
    [text.submitted, asTime(task.submitted_at)],
    [text.waited, task.delay_ms === null ? "" : asDuration(task.delay_ms)],
    [text.ran, task.execution_ms === null ? "" : asDuration(task.execution_ms)],
    [text.attempts, task.attempts > 1 ? String(task.attempts) : ""],
    [text.folder, task.output_location]
  ];
  return html`
    ${prompt && html`<p class="prompt-text">${String(prompt)}</p>`}
    ${content.negative_prompt && html`<p class="muted small">${text.negative(String(content.negative_prompt))}</p>`}
    ${words && html`<pre class="code-box">${words}</pre>`}
    <dl class="facts">
      ${rows.filter(([, value]) => value).map(([name, value]) => html`<dt key=${name}>${name}</dt><dd>${value}</dd>`)}
    </dl>
    ${info?.infotexts?.[number] && html`
      <details>
        <summary>${text.infotext}</summary>
        <pre class="code-box">${String(info.infotexts[number])}</pre>
      </details>
    `}
  `;
}

// console/look/task_view.js
function TaskView({ api, id, onClose }) {
  const dialog = T2(
    /** @type {HTMLDialogElement | null} */
    null
  );
  const { answer: task, error, refresh } = usePolling(() => api.readTask(id), [api, id]);
  const request = useLoaded(() => api.readRequest(id), task?.status);
  const words = useLoaded(async () => {
    const hasWords = task?.status === "COMPLETED" && !picturesOf(task).length;
    return hasWords ? wordsOf(await api.readTaskWithOutputs(id)) : "";
  }, task?.status);
  const [number, setNumber] = d2(0);
  A2(() => dialog.current?.showModal(), []);
  const pictures = task ? picturesOf(task) : [];
  const turn = (event) => {
    if (event.target instanceof HTMLInputElement) return;
    if (event.key === "ArrowLeft" && number > 0) setNumber(number - 1);
    if (event.key === "ArrowRight" && number < pictures.length - 1) setNumber(number + 1);
  };
  return html`
    <dialog class="picture-view" ref=${dialog} aria-labelledby="task-title" onClose=${onClose} onKeyDown=${turn}>
      <${PictureStage} task=${task} pictures=${pictures} number=${number} onNumber=${setNumber} />
      <div class="picture-side stack">
        <div class="row spread">
          <h2 id="task-title" class="code">${id}</h2>
          <button class="close" type="button" autofocus onClick=${() => dialog.current?.close()}>${TEXT.shell.close}</button>
        </div>
        ${error && html`
          <p class="trouble" role="alert">${error instanceof ApiError ? error.message : TEXT.shell.unreachable}</p>
        `}
        ${!task && !error && html`<p class="muted" role="status">${TEXT.shell.loading}</p>`}
        ${task && html`
          <span class="state state-${task.status}">${TEXT.task.states[task.status]}</span>
          ${isActive(task) && html`<${TaskProgress} api=${api} task=${task} />`}
          ${isUnsuccessful(task) && html`<${TaskTrouble} task=${task} />`}
          <${PictureActions} task=${task} request=${request} picture=${pictures[number]} />
          <${TaskActions} api=${api} task=${task} onChange=${refresh} />
          <${TaskFacts} task=${task} request=${request} words=${words} number=${number} />
        `}
      </div>
    </dialog>
  `;
}
function useLoaded(load, status) {
  const [loaded, setLoaded] = d2(
    /** @type {Answer | null} */
    null
  );
  A2(() => {
    if (status) load().then(setLoaded, () => {
    });
  }, [status]);
  return loaded;
}

// console/look/look_screen.js
function LookScreen({ api, route }) {
  const query = route.query.toString();
  const filters = w2(() => filtersOf(route.query), [query]);
  const filter = (changed) => {
    goTo(placeOf("look", { id: routeOf(location.hash).id, query: changed }));
  };
  const close = (id) => {
    const present = routeOf(location.hash);
    if (present.screen === "look" && present.id === id) goTo(placeOf("look", { query: present.query }));
  };
  return html`
    <div class="screen">
      <h1>${TEXT.shell.screens.look}</h1>
      <${GalleryFilters} api=${api} filters=${filters} onChange=${filter} />
      <${Gallery} key=${query} api=${api} filters=${filters} />
      ${route.id && html`
        <${TaskView} key=${route.id} api=${api} id=${route.id} onClose=${() => close(
    /** @type {string} */
    route.id
  )} />
      `}
    </div>
  `;
}

// console/session.js
var STORAGE_KEY = "darkroom.api-key";
function storedKey() {
  return sessionStorage.getItem(STORAGE_KEY);
}
function storeKey(key) {
  sessionStorage.setItem(STORAGE_KEY, key);
}
function forgetKey() {
  sessionStorage.removeItem(STORAGE_KEY);
}

// console/signin/sign_in.js
var LOCAL_HOSTS2 = ["127.0.0.1", "localhost"];
function SignIn({ base, isKeyRefused, onSignIn }) {
  const [problem, setProblem] = d2(isKeyRefused ? TEXT.signIn.expired : "");
  const [isChecking, setChecking] = d2(false);
  const field = T2(
    /** @type {HTMLInputElement | null} */
    null
  );
  A2(() => {
    document.title = TEXT.shell.product;
    field.current?.focus();
  }, []);
  const check = async (event) => {
    event.preventDefault();
    if (isChecking) return;
    const form2 = (
      /** @type {HTMLFormElement} */
      event.currentTarget
    );
    const key = String(new FormData(form2).get("key")).trim();
    if (!isHeaderValue(key)) return setProblem(key ? TEXT.signIn.refused : TEXT.signIn.missing);
    setChecking(true);
    setProblem("");
    try {
      await new ApiClient({ base, key }).listTasks({ limit: 1 });
      onSignIn(key);
    } catch (error) {
      setChecking(false);
      setProblem(problemOf(
        /** @type {Error} */
        error
      ));
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
            aria-invalid=${problem ? "true" : void 0} aria-describedby="key-problem key-hint"
          />
          <p id="key-problem" class="problem" role="alert">${problem}</p>
        </div>
        <button class="primary" type="submit" aria-disabled=${isChecking}>
          ${isChecking ? TEXT.signIn.checking : TEXT.signIn.submit}
        </button>
        <p id="key-hint" class="hint">${TEXT.signIn.hint}</p>
        ${LOCAL_HOSTS2.includes(location.hostname) && html`<p class="hint">${TEXT.signIn.localHint}</p>`}
      </form>
    </main>
  `;
}
function isHeaderValue(key) {
  return /^[\x21-\x7e]+$/.test(key);
}
function problemOf(error) {
  return error instanceof ApiError && [401, 403].includes(error.status) ? TEXT.signIn.refused : error.message;
}

// console/watch/watch_screen.js
var SECTION_TASKS = 8;
function WatchScreen({ api }) {
  const reader = w2(() => new SectionReader(api), [api]);
  const { answer, error, refresh } = usePolling(() => reader.read(), [reader]);
  const isEmpty = answer && Object.values(answer).every(({ tasks }) => !tasks.length);
  return html`
    <div class="screen">
      <h1>${TEXT.shell.screens.watch}</h1>
      ${error instanceof ApiError && html`<p class="trouble" role="alert">${error.message}</p>`}
      ${!answer && !error && html`<p class="empty" role="status">${TEXT.shell.loading}</p>`}
      ${isEmpty && html`
        <div class="empty">
          <p>${TEXT.watch.empty}</p>
          <a class="button" href=${placeOf("create")}>${TEXT.watch.toCreate}</a>
        </div>
      `}
      ${answer && Object.entries(answer).map(([name, section]) => html`
        <${SectionOf} key=${name} name=${name} section=${section} api=${api} onChange=${refresh} />
      `)}
    </div>
  `;
}
function SectionOf({ name, section, api, onChange }) {
  const { tasks, hasMore } = section;
  if (!tasks.length) return null;
  return html`
    <section class="section" aria-labelledby="section-${name}">
      <h2 id="section-${name}">${TEXT.watch.sections[name]}</h2>
      <div class="cards">
        ${tasks.map((task) => html`<${TaskCard} key=${task.id} api=${api} task=${task} onChange=${onChange} />`)}
      </div>
      ${hasMore && html`<p class="hint">${TEXT.watch.more(SECTION_TASKS)}</p>`}
    </section>
  `;
}
var SectionReader = class {
  /** @param {ApiClient} api */
  constructor(api) {
    this._api = api;
    this._ended = /* @__PURE__ */ new Map();
  }
  /** @returns {Promise<Record<string, Section>>} */
  async read() {
    const [running, waiting, newest] = await Promise.all([
      this._section({ status: "IN_PROGRESS" }),
      this._section({ status: "IN_QUEUE" }),
      this._section({})
    ]);
    const active = new Set([...running.tasks, ...waiting.tasks].map(({ id }) => id));
    const ended = newest.tasks.filter((task) => !isActive(task) && !active.has(task.id));
    this._ended = new Map(ended.map((task) => [runOf(task), task]));
    return { running, waiting, ended: { tasks: ended, hasMore: false } };
  }
  /** @param {{status?: string}} query @returns {Promise<Section>} */
  async _section(query) {
    const page = await this._api.listTasks({ ...query, limit: SECTION_TASKS });
    const listed = page.tasks.filter((task) => !isListOfNames(task));
    const tasks = await Promise.all(listed.map((task) => this._ended.get(runOf(task)) ?? this._api.readTask(task.id)));
    return { tasks, hasMore: page.next !== null && page.tasks.length === SECTION_TASKS };
  }
};
function runOf({ id, status, submitted_at: moment }) {
  return `${id} ${moment} ${status}`;
}

// console/shell/app.js
var API_BASE = new URL(location.pathname.replace(/console\/?$/, ""), location.origin);
var VIEWS2 = { create: CreateScreen, watch: WatchScreen, look: LookScreen, fleet: FleetScreen };
function App() {
  const [key, setKey] = d2(storedKey);
  const firstKey = T2(key);
  const [isKeyRefused, setKeyRefused] = d2(false);
  const [isReachable, setReachable] = d2(true);
  const route = useRoute();
  const signOut = (isRefused) => {
    forgetKey();
    firstKey.current = null;
    if (!isRefused) forgetDraft();
    setKeyRefused(isRefused);
    setKey(null);
  };
  const onKeyRefused = () => storedKey() === key && signOut(true);
  const api = w2(
    () => key && new ApiClient({ base: API_BASE, key, onReachable: setReachable, onKeyRefused }),
    [key]
  );
  if (!api) {
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
function Header({ screen, isReachable, onSignOut }) {
  return html`
    <header class="header">
      <a class="wordmark" href=${placeOf("create")}>${TEXT.shell.product}</a>
      <nav aria-label=${TEXT.shell.navigation}>
        ${SCREENS.map((name) => {
    const current = name === screen ? "page" : void 0;
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
function Screen({ route, api, isFirst }) {
  const View = VIEWS2[route.screen];
  const content = T2(
    /** @type {HTMLElement | null} */
    null
  );
  const isLoaded = T2(isFirst);
  A2(() => {
    document.title = `${TEXT.shell.screens[route.screen]} – ${TEXT.shell.product}`;
    if (!isLoaded.current) content.current?.focus();
    isLoaded.current = false;
  }, [route.screen]);
  return html`<main id="content" tabindex="-1" ref=${content}><${View} api=${api} route=${route} /></main>`;
}
function skipToContent(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

// console/main.js
var place = (
  /** @type {HTMLElement} */
  document.getElementById("console")
);
place.replaceChildren();
Q(html`<${App} />`, place);
