// Parallel coordinates onto a canvas: all lines as a faint ground, the selected ones above it in the colours of their
// quality, the best tenth of these on top, where the many would else hide them. Places come from the axes; it decides nothing about them.
import { plain, table } from "./colour";
import { progressive, type Run } from "./progressive";
import { clear, line, paint, raster, sampleOrder, type Raster } from "./raster";

export interface Geometry {
  width: number;
  height: number;
  ratio: number;
  /** Axes from left to right. */
  x: number[];
  top: number;
  bottom: number;
  /** Where trials without a value pass. */
  none: number;
}
export interface Lines {
  columns: Float32Array[];
  quality: Float32Array;
}

export function y(geometry: Geometry, place: number): number {
  if (Number.isNaN(place)) return geometry.none;
  const inside = Math.min(1.02, Math.max(-0.02, place));
  return geometry.bottom - inside * (geometry.bottom - geometry.top);
}

export function axesAt(many: number, left: number, right: number): number[] {
  if (many === 1) return [(left + right) / 2];
  return Array.from({ length: many }, (_, at) => left + ((right - left) * at) / (many - 1));
}

export class ParallelPainter {
  #context: CanvasRenderingContext2D;
  #lines: Lines = { columns: [], quality: new Float32Array() };
  #geometry: Geometry | null = null;
  #order: Uint32Array = new Uint32Array();
  #ys: Float32Array[] = [];
  #ground: Raster | null = null;
  #above: Raster | null = null;
  #best: Raster | null = null;
  #grounded = 0;
  #image: ImageData | null = null;
  #run: Run | null = null;
  #colours: [Uint32Array, Uint32Array] = [table(false), plain("#000000")];

  constructor(readonly canvas: HTMLCanvasElement) {
    this.#context = canvas.getContext("2d")!;
  }

  /** New data, axes, sizes or colours. */
  prepare(lines: Lines, geometry: Geometry, dark: boolean): void {
    const { ratio } = geometry;
    const [width, height] = [Math.max(1, Math.round(geometry.width * ratio)), Math.max(1, Math.round(geometry.height * ratio))];
    if (this.#order.length !== lines.quality.length) this.#order = sampleOrder(lines.quality.length);
    this.#lines = lines;
    this.#geometry = geometry;
    this.#ys = lines.columns.map((column) => column.map((place) => y(geometry, place) * ratio));
    if (this.#above?.width !== width || this.#above.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.#ground = raster(width, height);
      this.#above = raster(width, height);
      this.#best = raster(width, height);
      this.#image = this.#context.createImageData(width, height);
    }
    clear(this.#ground!);
    this.#grounded = 0;
    this.#colours = [table(dark), plain(dark ? "#3a4252" : "#c3c8d2")];
  }

  /** Draws with `inside` selected; `shown` is told after each slice how many lines it holds, and its milliseconds. */
  draw(inside: Uint8Array, brushed: boolean, shown: (lines: number, ms: number, done: boolean) => void): void {
    this.#run?.cancel();
    const above = this.#above!;
    const ground = this.#ground!;
    const best = this.#best!;
    clear(above);
    clear(best);
    const chosen = this.#order.filter((trial) => inside[trial] === 1);
    const good = bestTenth(chosen, this.#lines.quality);
    const faint = faintness(chosen.length);
    const under = brushed ? this.#order.length : 0;
    let began = performance.now();
    let drawn = 0;
    const add = (from: number, to: number) => {
      for (let at = from; at < Math.min(to, chosen.length); at += 1) this.#add(this.#lines.quality[chosen[at]!]! >= good ? best : above, chosen[at]!);
      for (let at = Math.max(from - chosen.length, 0); at < to - chosen.length; at += 1) {
        if (at >= this.#grounded && at < under) this.#add(ground, this.#order[at]!);
      }
      if (to > chosen.length) this.#grounded = Math.max(this.#grounded, Math.min(under, to - chosen.length));
      drawn = Math.min(to, chosen.length);
    };
    const show = (done: boolean) => {
      const pixels = new Uint32Array(this.#image!.data.buffer);
      const layers = [{ raster: above, colours: this.#colours[0], faint }, { raster: best, colours: this.#colours[0], faint: faintness(chosen.length / 10) }];
      if (brushed) layers.unshift({ raster: ground, colours: this.#colours[1], faint: faintness(this.#order.length) * 0.7 });
      paint(pixels, layers);
      this.#context.putImageData(this.#image!, 0, 0);
      shown(drawn, performance.now() - began, done);
      began = performance.now();
    };
    this.#run = progressive(chosen.length + Math.max(0, under - this.#grounded ? under : 0), add, show);
  }

  stop(): void {
    this.#run?.cancel();
  }

  #add(into: Raster, trial: number): void {
    const { x, ratio } = this.#geometry!;
    const good = this.#lines.quality[trial]!;
    const carries = Number.isNaN(good) ? 0 : good;
    for (let axis = 1; axis < x.length; axis += 1) {
      line(into, x[axis - 1]! * ratio, this.#ys[axis - 1]![trial]!, x[axis]! * ratio - 1, this.#ys[axis]![trial]!, carries);
    }
  }
}

/** The quality from which on a trial is among the best tenth; beyond all where there are few trials. */
export function bestTenth(chosen: Uint32Array, quality: Float32Array): number {
  if (chosen.length < 100) return Infinity;
  const found = Float32Array.from(chosen, (trial) => quality[trial]!).filter((share) => !Number.isNaN(share)).sort();
  return found[Math.floor(found.length * 0.9)] ?? Infinity;
}

/** How visible a single line among so many is. */
export function faintness(lines: number): number {
  return Math.max(0.05, Math.min(0.9, 6 / Math.sqrt(Math.max(1, lines)) - 0.02));
}

/** The selected trial whose line passes nearest to a point, within `reach` pixels. */
export function nearest(lines: Lines, geometry: Geometry, inside: Uint8Array, px: number, py: number, reach = 9): number | null {
  const gap = geometry.x.findIndex((x, at) => at > 0 && px <= x);
  if (gap < 1 || px < geometry.x[0]!) return null;
  const [left, right] = [geometry.x[gap - 1]!, geometry.x[gap]!];
  const share = (px - left) / (right - left);
  let best: number | null = null;
  let least = reach;
  for (let trial = 0; trial < inside.length; trial += 1) {
    if (inside[trial] !== 1) continue;
    const y0 = y(geometry, lines.columns[gap - 1]![trial]!);
    const y1 = y(geometry, lines.columns[gap]![trial]!);
    const slope = (y1 - y0) / (right - left);
    const distance = Math.abs(y0 + (y1 - y0) * share - py) / Math.sqrt(1 + slope * slope);
    if (distance < least) [least, best] = [distance, trial];
  }
  return best;
}
