/** Bindings of the vendored library: templates that escape every value, and the hooks that the screens use. */
import { Fragment, createRef, h, render } from "./vendor/preact.mjs";
import { useCallback, useEffect, useMemo, useRef, useState } from "./vendor/hooks.mjs";
import htm from "./vendor/htm.mjs";

export const html = htm.bind(h);
export { Fragment, createRef, render, useCallback, useEffect, useMemo, useRef, useState };
