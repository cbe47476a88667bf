/** Painter of a mask: what is painted over the picture is made anew. It works with a pointer and with keys. */
import { TEXT } from "../strings.js";
import { html, useEffect, useRef, useState } from "../view.js";

/** Largest side of the mask in pixels. The Web UI scales a mask to its picture. */
const MAX_SIDE = 1024;
/** Pixels by which an arrow key moves the brush; with Shift five times as many. */
const KEY_STEP = 8;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{size: number, points: Point[]}} Stroke */

/**
 * @param {{view: string, width: number, height: number, problem?: string,
 *   onPaint: (mask: () => Promise<Blob> | null) => void}} properties
 *   `onPaint` gets a function that draws the mask, which returns null if nothing is painted.
 */
export function MaskPainter({ view, width, height, problem, onPaint }) {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
  const [strokes, setStrokes] = useState(/** @type {Stroke[]} */ ([]));
  const [brush, setBrush] = useState(48);
  const [cursor, setCursor] = useState(/** @type {Point | null} */ (null));
  const current = useRef(/** @type {Stroke | null} */ (null));
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));

  useEffect(() => setStrokes([]), [view]);
  useEffect(() => {
    if (canvas.current) draw(canvas.current, strokes, cursor && { ...cursor, size: brush });
    onPaint(() => (strokes.length ? maskOf(strokes, size) : null));
  }, [strokes, cursor, brush]);

  /** @param {PointerEvent} event @returns {Point} */
  const pointOf = (event) => {
    const box = /** @type {HTMLElement} */ (canvas.current).getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * size.width,
      y: ((event.clientY - box.top) / box.height) * size.height,
    };
  };
  /** @param {PointerEvent} event */
  const begin = (event) => {
    canvas.current?.setPointerCapture(event.pointerId);
    current.current = { size: brush, points: [pointOf(event)] };
    setStrokes([...strokes, current.current]);
  };
  /** @param {PointerEvent} event */
  const move = (event) => {
    if (!current.current) return;
    current.current.points.push(pointOf(event));
    setStrokes((known) => [...known]);
  };
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    const place = cursor ?? { x: size.width / 2, y: size.height / 2 };
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = KEY_STEP * (event.shiftKey ? 5 : 1);
      setCursor({
        x: Math.min(Math.max(place.x + arrow[0] * step, 0), size.width),
        y: Math.min(Math.max(place.y + arrow[1] * step, 0), size.height),
      });
    } else if (event.key === " ") {
      setStrokes([...strokes, { size: brush, points: [place] }]);
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
          onPointerMove=${move} onPointerUp=${() => (current.current = null)} onKeyDown=${key}
          onBlur=${() => setCursor(null)}
        />
      </div>
      <div class="row mask-tools">
        <label>
          ${text.brush}
          <input
            type="range" min="4" max="160" value=${brush}
            onInput=${(/** @type {any} */ event) => setBrush(event.target.valueAsNumber)}
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

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Stroke[]} strokes
 * @param {(Point & {size: number}) | null} cursor Brush that the keys move.
 */
function draw(canvas, strokes, cursor) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
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

/** @param {CanvasRenderingContext2D} context @param {Stroke[]} strokes @param {string} color */
function paint(context, strokes, color) {
  context.lineCap = "round";
  context.lineJoin = "round";
  context.strokeStyle = context.fillStyle = color;
  for (const { size, points } of strokes) {
    const [{ x, y }, ...others] = points;
    // Chromium 156 draws no line to its own beginning, so a stroke begins with a disc.
    context.beginPath();
    context.arc(x, y, size / 2, 0, 2 * Math.PI);
    context.fill();
    context.lineWidth = size;
    context.beginPath();
    context.moveTo(x, y);
    for (const point of others) context.lineTo(point.x, point.y);
    context.stroke();
  }
}

/**
 * @param {Stroke[]} strokes
 * @param {{width: number, height: number}} size
 * @returns {Promise<Blob>} PNG that is white where the picture is made anew.
 */
function maskOf(strokes, { width, height }) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  paint(context, strokes, "#fff");
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(/** @type {Blob} */ (blob)), "image/png"));
}
