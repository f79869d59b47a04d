// Learning curves onto a canvas: one density for each kind of end, drawn over each other, and the trial nearest to the
// pointer. Does no smoothing: what is drawn is what was reported.
import type { Curves } from "../data/contract";
import { plain } from "./colour";
import { faintness } from "./parallel";
import { progressive, type Run } from "./progressive";
import { clear, line, paint, raster, sampleOrder, type Raster } from "./raster";

export interface Field {
  width: number;
  height: number;
  ratio: number;
  x: [number, number];
  y: [number, number];
  log: boolean;
}
export interface Kind {
  colour: string;
  of: Uint8Array;                    // 1 for each trial of this kind that is shown
}

export const px = (field: Field, x: number) => ((x - field.x[0]) / (field.x[1] - field.x[0] || 1)) * field.width;
export function py(field: Field, value: number): number {
  const by = field.log ? Math.log : (same: number) => same;
  const [low, high] = [by(field.y[0]), by(field.y[1])];
  return (1 - (by(value) - low) / (high - low || 1)) * field.height;
}

export class CurvesPainter {
  #context: CanvasRenderingContext2D;
  #layers: Raster[] = [];
  #image: ImageData | null = null;
  #run: Run | null = null;

  constructor(readonly canvas: HTMLCanvasElement) {
    this.#context = canvas.getContext("2d")!;
  }

  draw(curves: Curves, across: Float32Array, kinds: Kind[], field: Field, shown: (curves: number, ms: number, done: boolean) => void): void {
    this.#run?.cancel();
    this.#fit(field, kinds.length);
    const order = sampleOrder(curves.offset.length - 1);
    const scaled: Field = { ...field, width: field.width * field.ratio, height: field.height * field.ratio };
    const many = kinds.map((kind) => kind.of.reduce((sum, one) => sum + one, 0));
    const colours = kinds.map((kind) => plain(kind.colour));
    let began = performance.now();
    let drawn = 0;
    const add = (from: number, to: number) => {
      for (let at = from; at < to; at += 1) {
        const trial = order[at]!;
        kinds.forEach((kind, layer) => {
          if (kind.of[trial] !== 1) return;
          drawn += 1;
          one(this.#layers[layer]!, curves, across, trial, scaled);
        });
      }
    };
    const show = (done: boolean) => {
      const pixels = new Uint32Array(this.#image!.data.buffer);
      paint(pixels, kinds.map((_, layer) => ({ raster: this.#layers[layer]!, colours: colours[layer]!, faint: faintness(many[layer]!) })));
      this.#context.putImageData(this.#image!, 0, 0);
      shown(drawn, performance.now() - began, done);
      began = performance.now();
    };
    this.#run = progressive(order.length, add, show, 32);
  }

  stop(): void {
    this.#run?.cancel();
  }

  #fit(field: Field, layers: number): void {
    const width = Math.max(1, Math.round(field.width * field.ratio));
    const height = Math.max(1, Math.round(field.height * field.ratio));
    if (this.canvas.width !== width || this.canvas.height !== height || !this.#image) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.#image = this.#context.createImageData(width, height);
      this.#layers = [];
    }
    while (this.#layers.length < layers) this.#layers.push(raster(width, height));
    this.#layers.forEach(clear);
  }
}

/** Adds one curve: its points joined, a dot for a single one. */
function one(into: Raster, curves: Curves, across: Float32Array, trial: number, field: Field): void {
  const from = curves.offset[trial]!;
  const to = curves.offset[trial + 1]!;
  let lastX = NaN;
  let lastY = NaN;
  for (let at = from; at < to; at += 1) {
    const value = curves.value[at]!;
    if (!Number.isFinite(value) || (field.log && value <= 0)) continue;
    const x = px(field, across[at]!);
    const y = py(field, value);
    if (!Number.isNaN(lastX)) {
      const pixels = Math.max(Math.abs(x - lastX), Math.abs(y - lastY));
      if (pixels < 1 && at < to - 1) continue;
      // A pixel on: where two pieces meet, the pixel belongs to the first of them, or joints would show as stripes.
      segment(into, lastX + (x - lastX) / Math.max(1, pixels), lastY + (y - lastY) / Math.max(1, pixels), x, y);
    }
    [lastX, lastY] = [x, y];
  }
  if (to - from === 1 && !Number.isNaN(lastX)) {
    for (let down = -1; down <= 1; down += 1) line(into, lastX - 1.5, lastY + down, lastX + 1.5, lastY + down, 0);
  }
}

/** A line cut off at the field's upper and lower edge; a curve that leaves it is not drawn along the edge. */
function segment(into: Raster, x0: number, y0: number, x1: number, y1: number): void {
  const bottom = into.height - 1;
  if ((y0 < 0 && y1 < 0) || (y0 > bottom && y1 > bottom)) return;
  const at = (y: number) => (y1 === y0 ? x0 : x0 + ((y - y0) * (x1 - x0)) / (y1 - y0));
  let [ax, ay, bx, by] = [x0, y0, x1, y1];
  if (ay < 0) [ax, ay] = [at(0), 0];
  else if (ay > bottom) [ax, ay] = [at(bottom), bottom];
  if (by < 0) [bx, by] = [at(0), 0];
  else if (by > bottom) [bx, by] = [at(bottom), bottom];
  line(into, ax, ay, bx, by, 0);
}

/** The shown trial whose curve passes nearest to a point, within `reach` pixels of it. */
export function nearestCurve(curves: Curves, across: Float32Array, shown: Uint8Array, field: Field, x: number, y: number, reach = 14): { trial: number; at: number } | null {
  let best: { trial: number; at: number } | null = null;
  let least = reach;
  for (let trial = 0; trial < shown.length; trial += 1) {
    if (shown[trial] !== 1) continue;
    const from = curves.offset[trial]!;
    const to = curves.offset[trial + 1]!;
    if (from === to) continue;
    let low = from;
    let high = to - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (px(field, across[middle]!) < x) low = middle + 1;
      else high = middle;
    }
    const before = Math.max(from, low - 1);
    const distance = apart(px(field, across[before]!), py(field, curves.value[before]!), px(field, across[low]!), py(field, curves.value[low]!), x, y);
    if (distance < least) [least, best] = [distance, { trial, at: low }];
  }
  return best;
}

/** From a point to a line's nearest place. */
function apart(x0: number, y0: number, x1: number, y1: number, x: number, y: number): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / length));
  return Math.hypot(x0 + share * dx - x, y0 + share * dy - y);
}
