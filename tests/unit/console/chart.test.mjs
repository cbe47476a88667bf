/** Tests of the lines and dots of the charts. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { dotsOf, lineOf } from "../../../console/fleet/chart.js";

test("a line begins anew after a gap", () => {
  assert.equal(lineOf([0, 2, null, 1, 1], 2), "M0.0 46.0L60.0 2.0M180.0 24.0L240.0 24.0");
});

test("a value between two gaps is a dot, also the first and the last one", () => {
  assert.equal(dotsOf([1, null, 1, null, 1], 1), "M0.0 2.0h0.01M120.0 2.0h0.01M240.0 2.0h0.01");
  assert.equal(dotsOf([1, 1, null, null, null], 1), "");
});
