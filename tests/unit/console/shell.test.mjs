/** Tests of links, pages, routes, times and the repetition of requests. */
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { ApiClient } from "../../../console/api/client.js";
import { ApiUnreachable } from "../../../console/api/errors.js";
import { safeLink } from "../../../console/api/links.js";
import { LONGEST_MS, Poller } from "../../../console/api/poller.js";
import { forgetLink, withKeptLink } from "../../../console/api/signed_links.js";
import { hasGap, withNewest, withPage } from "../../../console/look/pages.js";
import { asBytes, asDuration } from "../../../console/shell/moments.js";
import { placeOf, routeOf } from "../../../console/shell/router.js";

globalThis.location = { pathname: "/prod/console/" };

for (const link of ["https://bucket.s3.amazonaws.com/a.png?X=1", "http://127.0.0.1:8351/a", "blob:https://a.example/1"]) {
  test(`${link} may be opened`, () => assert.equal(safeLink(link), link));
}

for (const link of [
  "javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:alert(1)", "data:text/html,<script>", "vbscript:a",
  "http://a.example/a.png", "s3://bucket/a.png", "//a.example", "file:///etc/passwd", "", null, undefined, {}, 7,
]) {
  test(`${JSON.stringify(link)} is not opened`, () => assert.equal(safeLink(link), undefined));
}

test("a picture is loaded once, although each answer signs its link anew", () => {
  const link = (signature, name = "a.png") => `https://b.s3.amazonaws.com/${name}?X-Amz-Date=1&X-Amz-Signature=${signature}`;
  assert.equal(withKeptLink(link(1), 0), link(1));
  assert.equal(withKeptLink(link(2), 60_000), link(1));
  assert.equal(withKeptLink(link(3), 3_600_000), link(3), "an old link may not work any more");
  forgetLink(link(3));
  assert.equal(withKeptLink(link(4), 3_600_001), link(4));
  withKeptLink(link(5, "a-preview.png"), 0);
  assert.equal(withKeptLink(link(6, "a-preview.png"), 1), link(6, "a-preview.png"), "a preview is written again");
});

test("other texts of an answer stay as they are", () => {
  for (const value of ["a dog?", "https://a.example/?Signature", 7, null]) assert.equal(withKeptLink(value), value);
});

test("a place is read as it was written", () => {
  const place = placeOf("look", { id: "a.b_c-1", query: { text: "50% & more #1" } });
  assert.ok(place.startsWith("/prod/console/#/look/"));
  const { screen, id, query } = routeOf(place.slice(place.indexOf("#")));
  assert.deepEqual([screen, id, query.get("text")], ["look", "a.b_c-1", "50% & more #1"]);
});

test("a place that does not exist is the first screen", () => {
  for (const hash of ["", "#", "#/nowhere", "#/<script>", "#/look/%E0%A4%A"]) assert.ok(routeOf(hash).screen);
  assert.equal(routeOf("#/nowhere").screen, "create");
  assert.equal(routeOf("#/look/%E0%A4%A").id, null);
});

test("times and sizes are words", () => {
  assert.deepEqual([500, 59_900, 119_700, 3_660_000, 9e7].map(asDuration), [
    "0.5 s", "1 min 0 s", "2 min 0 s", "1 h 1 min", "1 d 1 h",
  ]);
  assert.deepEqual([0, 999, 1000, 6_938_040_682].map(asBytes), ["0 bytes", "999 bytes", "1.0 KB", "6.9 GB"]);
});

test("the key is in a header, and never in the address", async (context) => {
  const send = context.mock.method(globalThis, "fetch", async () => Response.json({ tasks: [], next: null }));
  await new ApiClient({ base: new URL("https://a.example/prod/"), key: "secret" }).listTasks({ text: "a&b", next: "" });
  const [url, request] = send.mock.calls[0].arguments;
  assert.equal(url.href, "https://a.example/prod/v1alpha2/tasks?text=a%26b");
  assert.equal(request.headers["x-api-key"], "secret");
});

test("an id cannot leave its place in the address", async (context) => {
  const send = context.mock.method(globalThis, "fetch", async () => Response.json({}));
  await new ApiClient({ base: new URL("https://a.example/"), key: "k" }).readTask("../../x?y");
  assert.equal(send.mock.calls[0].arguments[0].pathname, "/v1alpha2/tasks/..%2F..%2Fx%3Fy");
});

test("a refusal has its code and its fields", async (context) => {
  const error = { code: "invalid_task", message: "m", details: [{ field: "a", message: "b" }] };
  context.mock.method(globalThis, "fetch", async () => Response.json({ error }, { status: 400 }));
  await assert.rejects(new ApiClient({ base: new URL("https://a.example/"), key: "k" }).readTask("a"), {
    status: 400, code: "invalid_task", message: "m", details: error.details,
  });
});

const cutShort = () => new Response(new ReadableStream({ pull: (stream) => stream.error(new TypeError("network lost")) }));

for (const answer of [() => Response.json({}, { status: 504 }), () => Promise.reject(new TypeError("no network")), cutShort]) {
  test("an API without an answer is reported, and so is its return", async (context) => {
    const reported = [];
    const onReachable = (isReachable) => reported.push(isReachable);
    const api = new ApiClient({ base: new URL("https://a.example/"), key: "k", onReachable });
    const send = context.mock.method(globalThis, "fetch", async () => answer());
    await assert.rejects(api.readTask("a"), new ApiUnreachable());
    send.mock.mockImplementation(async () => Response.json({}));
    await api.readTask("a");
    assert.deepEqual(reported, [false, true]);
  });
}

test("a key that is not accepted any more is reported", async (context) => {
  let isRefused = false;
  context.mock.method(globalThis, "fetch", async () => new Response("<html>", { status: 401 }));
  const api = new ApiClient({ base: new URL("https://a.example/"), key: "k", onKeyRefused: () => (isRefused = true) });
  await assert.rejects(api.readTask("a"), { status: 401, code: "http_401" });
  assert.ok(isRefused);
});

/** @type {Map<string, () => void>} */
const listeners = new Map();
beforeEach(() => {
  globalThis.document = {
    hidden: false,
    addEventListener: (name, listener) => listeners.set(name, listener),
    removeEventListener: (name) => listeners.delete(name),
  };
});

/** Let the timers run for some milliseconds, and every promise that they start. */
async function pass(milliseconds) {
  for (let passed = 0; passed < milliseconds; passed += 500) {
    mock.timers.tick(500);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  }
}

test("requests become rare while nothing changes, and frequent again after a change", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let loads = 0;
  let answer = "same";
  const poller = new Poller({ load: async () => { loads += 1; return answer; }, onAnswer: () => {}, onError: assert.fail });
  poller.start();
  await pass(60_000);
  const inFirstMinute = loads;
  await pass(60_000);
  const inSecondMinute = loads - inFirstMinute;
  assert.ok(inFirstMinute > inSecondMinute && inSecondMinute >= 3 && inSecondMinute <= 5, `${inFirstMinute}, ${inSecondMinute}`);
  answer = "another";
  await pass(16_000);
  const before = loads;
  answer = "a third";
  await pass(20_000);
  assert.ok(loads - before >= 3);
  poller.stop();
  const atStop = loads;
  await pass(60_000);
  assert.equal(loads, atStop);
  mock.timers.reset();
});

test("an answer that always changes is asked for as seldom as its screen says", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let loads = 0;
  const poller = new Poller({ load: async () => (loads += 1), onAnswer: () => {}, onError: assert.fail, shortestMs: LONGEST_MS });
  poller.start();
  await pass(61_000);
  assert.equal(loads, 5);
  poller.stop();
  mock.timers.reset();
});

test("a page in the background sends nothing, and asks at once when it is seen again", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let loads = 0;
  const poller = new Poller({ load: async () => { loads += 1; }, onAnswer: () => {}, onError: assert.fail });
  poller.start();
  await pass(500);
  document.hidden = true;
  await pass(60_000);
  const inBackground = loads;
  assert.ok(inBackground <= 2);
  document.hidden = false;
  listeners.get("visibilitychange")();
  assert.equal(loads, inBackground + 1);
  poller.stop();
  mock.timers.reset();
});

test("a failed request is reported and repeated", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const errors = [];
  let loads = 0;
  const load = async () => { loads += 1; if (loads < 3) throw new Error("away"); };
  const poller = new Poller({ load, onAnswer: () => {}, onError: (error) => errors.push(error.message) });
  poller.start();
  await pass(30_000);
  assert.deepEqual(errors, ["away", "away"]);
  assert.ok(loads > 3);
  poller.stop();
  mock.timers.reset();
});

test("a late answer does not replace that of a newer request", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const waiting = [];
  const answers = [];
  const load = () => new Promise((resolve) => waiting.push(resolve));
  const poller = new Poller({ load, onAnswer: (answer) => answers.push(answer), onError: assert.fail });
  poller.start();
  poller.refresh();
  waiting[1]("cancelled");
  await pass(500);
  waiting[0]("running");
  await pass(500);
  assert.deepEqual(answers, ["cancelled"]);
  poller.stop();
  mock.timers.reset();
});

const tasks = (...ids) => ids.map((id) => ({ id }));

test("new tasks come before the first page, and none that the first page had is lost", () => {
  const pages = [tasks("c", "b"), tasks("a")];
  assert.deepEqual(withNewest(pages, tasks("d", "c")), [tasks("d", "c", "b"), tasks("a")]);
});

test("more new tasks than a page holds leave a gap", () => {
  const pages = [tasks("c", "b"), tasks("a")];
  assert.ok(hasGap(pages, { tasks: tasks("z", "y"), next: "2" }));
  assert.ok(!hasGap(pages, { tasks: tasks("d", "c"), next: "2" }));
  assert.ok(!hasGap(pages, { tasks: tasks("z"), next: null }), "all tasks are on the page");
});

test("a page that stays the same is the same object, so it is not drawn again", () => {
  const pages = [tasks("c"), tasks("b"), tasks("a")];
  const [, second, third] = withNewest(pages, tasks("d"));
  assert.ok(second === pages[1] && third === pages[2]);
});

test("a task that was sent again is in one place", () => {
  assert.deepEqual(withNewest([tasks("c"), tasks("b", "a")], tasks("a", "c")), [tasks("a", "c"), tasks("b")]);
  assert.deepEqual(withPage([tasks("a", "c")], tasks("b", "a")), [tasks("a", "c"), tasks("b")]);
});
