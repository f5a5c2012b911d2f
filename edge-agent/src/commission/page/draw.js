// Drawing on the picture with mouse, pen or finger: a tap sets a corner, a tap on the first corner (or "Finish") closes the
// polygon, and a corner can be dragged afterwards. Corners are thousandths of the picture, so its size does not matter.

import { KINDS, kindOf } from "./words.js";

/** So near, in CSS pixels, a touch means the corner. */
const NEAR = 18;

export class Drawing {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.zones = Object.fromEntries(KINDS.map((kind) => [kind.name, []]));
    this.kind = "operator";
    this.corners = [];
    this.faces = [];
    this.dragged = null;
    this.pointer = null;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.up(event));
    new ResizeObserver(() => this.paint()).observe(canvas);
  }

  /** Takes zones over, for drawing on. */
  load(zones) {
    this.zones = structuredClone(zones);
    this.corners = [];
    this.paint();
  }

  choose(kind) {
    this.kind = kind;
    this.corners = [];
    this.changed();
    this.paint();
  }

  remove(kind, index) {
    this.zones[kind].splice(index, 1);
    this.changed();
    this.paint();
  }

  undo() {
    this.corners.pop();
    this.changed();
    this.paint();
  }

  finish() {
    if (this.corners.length < 3) return;
    this.zones[this.kind].push(this.corners);
    this.corners = [];
    this.changed();
    this.paint();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const part = (value, whole) => Math.max(0, Math.min(1000, Math.round((value / whole) * 1000)));
    return [part(event.clientX - box.left, box.width), part(event.clientY - box.top, box.height)];
  }

  near([x, y], [u, v]) {
    const box = this.canvas.getBoundingClientRect();
    return Math.hypot(((x - u) * box.width) / 1000, ((y - v) * box.height) / 1000) <= NEAR;
  }

  down(event) {
    if (this.pointer !== null || (event.pointerType === "mouse" && event.button !== 0)) return;
    event.preventDefault();
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    const at = this.place(event);
    if (this.corners.length >= 3 && this.near(at, this.corners[0])) return this.finish();
    if (this.corners.length === 0) {
      for (const polygon of Object.values(this.zones).flat()) {
        const index = polygon.findIndex((corner) => this.near(at, corner));
        if (index >= 0) {
          this.dragged = { polygon, index };
          return;
        }
      }
    }
    this.corners.push(at);
    this.dragged = { polygon: this.corners, index: this.corners.length - 1 };
    this.changed();
    this.paint();
  }

  move(event) {
    if (event.pointerId !== this.pointer || !this.dragged) return;
    this.dragged.polygon[this.dragged.index] = this.place(event);
    this.paint();
  }

  up(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    if (this.dragged) this.changed();
    this.dragged = null;
  }

  paint() {
    const box = this.canvas.getBoundingClientRect();
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(box.width * scale), Math.round(box.height * scale)];
    if (width === 0 || height === 0) return;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    pen.lineWidth = 2 * scale;
    pen.font = `600 ${(box.width < 500 ? 10 : 13) * scale}px system-ui, sans-serif`;
    const to = ([x, y]) => [(x * width) / 1000, (y * height) / 1000];
    for (const kind of KINDS) for (const polygon of this.zones[kind.name]) this.paintZone(pen, kind, polygon, to, scale, true);
    for (const face of this.faces) this.paintFace(pen, face, to, scale);
    if (this.corners.length) this.paintZone(pen, kindOf(this.kind), this.corners, to, scale, false);
  }

  paintZone(pen, kind, polygon, to, scale, closed) {
    pen.beginPath();
    polygon.forEach((corner, index) => (index ? pen.lineTo(...to(corner)) : pen.moveTo(...to(corner))));
    if (closed) {
      pen.closePath();
      pen.globalAlpha = kind.name === "privacy_mask" ? 0.45 : 0.14;
      pen.fillStyle = kind.name === "privacy_mask" ? "#000000" : kind.colour;
      pen.fill();
      pen.globalAlpha = 1;
    }
    for (const [colour, wide] of [["#000000", 4 * scale], [kind.colour, 2 * scale]]) {
      pen.setLineDash(colour === kind.colour ? kind.dash.map((n) => n * scale) : []);
      pen.lineWidth = wide;
      pen.strokeStyle = colour;
      pen.globalAlpha = colour === kind.colour ? 1 : 0.5;
      pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    for (const [index, corner] of polygon.entries()) {
      const [x, y] = to(corner);
      pen.beginPath();
      pen.arc(x, y, (!closed && index === 0 ? 8 : 5) * scale, 0, 2 * Math.PI);
      pen.fillStyle = kind.colour;
      pen.strokeStyle = "#000000";
      pen.fill();
      pen.stroke();
    }
    if (closed) {
      // Under the highest corner: faces have their label below them.
      const top = polygon.reduce((best, corner) => (corner[1] < best[1] ? corner : best));
      const [x, y] = to(top);
      this.label(pen, kind.zh, [x + 8 * scale, y + 20 * scale], scale, kind.colour);
    }
  }

  paintFace(pen, face, to, scale) {
    const colour = face.enough ? "#69db7c" : "#ff8787";
    const [x, y] = to([face.x, face.y]);
    const [right, bottom] = to([face.x + face.w, face.y + face.h]);
    pen.strokeStyle = colour;
    pen.strokeRect(x, y, right - x, bottom - y);
    this.label(pen, `${face.px} ${face.enough ? "px ✓" : "px ✗ 太小"}`, [x, bottom + 18 * scale], scale, colour);
  }

  label(pen, text, [x, y], scale, colour) {
    const wide = pen.measureText(text).width + 8 * scale;
    const left = Math.max(0, Math.min(x, this.canvas.width - wide));
    const base = Math.max(16 * scale, Math.min(y, this.canvas.height - 4 * scale));
    pen.fillStyle = "rgba(0, 0, 0, 0.72)";
    pen.fillRect(left, base - 14 * scale, wide, 18 * scale);
    pen.fillStyle = colour;
    pen.fillText(text, left + 4 * scale, base);
  }
}
