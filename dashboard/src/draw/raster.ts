// Lines as densities: adds anti-aliased lines into a grid of weights, then turns weights into pixels. Knows neither
// axes nor trials, and allocates nothing while it adds.
export interface Raster {
  width: number;
  height: number;
  weight: Float32Array;
  /** Weighted sum of what the lines carry (0 to 1); its quotient with the weight picks the colour. */
  carried: Float32Array;
}

export function raster(width: number, height: number): Raster {
  const size = width * height;
  return { width, height, weight: new Float32Array(size), carried: new Float32Array(size) };
}

export function clear(into: Raster): void {
  into.weight.fill(0);
  into.carried.fill(0);
}

/** A line from (x0, y0) to (x1, y1), left to right, ends included; what lies outside is cut off. */
export function line(into: Raster, x0: number, y0: number, x1: number, y1: number, carries: number): void {
  if (x1 < x0) return line(into, x1, y1, x0, y0, carries);
  const dx = x1 - x0;
  const dy = y1 - y0;
  if (Math.abs(dy) <= dx) flat(into, x0, y0, x1, dx === 0 ? 0 : dy / dx, carries);
  else steep(into, x0, y0, y1, dx / dy, carries);
}

function flat(into: Raster, x0: number, y0: number, x1: number, slope: number, carries: number): void {
  const { width, height, weight, carried } = into;
  const first = Math.max(0, Math.round(x0));
  const last = Math.min(width - 1, Math.round(x1));
  let y = y0 + (first - x0) * slope;
  for (let x = first; x <= last; x += 1, y += slope) {
    const top = Math.floor(y);
    if (top < 0 || top >= height - 1) {
      edge(into, x, Math.round(y), carries);
      continue;
    }
    const share = y - top;
    const at = top * width + x;
    weight[at]! += 1 - share;
    carried[at]! += (1 - share) * carries;
    weight[at + width]! += share;
    carried[at + width]! += share * carries;
  }
}

function steep(into: Raster, x0: number, y0: number, y1: number, slope: number, carries: number): void {
  const { width, height, weight, carried } = into;
  const first = Math.max(0, Math.round(Math.min(y0, y1)));
  const last = Math.min(height - 1, Math.round(Math.max(y0, y1)));
  let x = x0 + (first - y0) * slope;
  for (let y = first; y <= last; y += 1, x += slope) {
    const left = Math.floor(x);
    if (left < 0 || left >= width - 1) {
      edge(into, Math.round(x), y, carries);
      continue;
    }
    const share = x - left;
    const at = y * width + left;
    weight[at]! += 1 - share;
    carried[at]! += (1 - share) * carries;
    weight[at + 1]! += share;
    carried[at + 1]! += share * carries;
  }
}

function edge(into: Raster, x: number, y: number, carries: number): void {
  if (x < 0 || y < 0 || x >= into.width || y >= into.height) return;
  into.weight[y * into.width + x]! += 1;
  into.carried[y * into.width + x]! += carries;
}

export interface Layer {
  raster: Raster;
  /** 256 colours as 0xBBGGRR, by what a pixel's lines carry. */
  colours: Uint32Array;
  /** How visible a single line is, from 0 to 1. */
  faint: number;
}

/** Logarithms of 1 + n / 16, since a picture takes half a million of them. */
const LOGARITHMS = Float32Array.from({ length: 4096 }, (_, at) => Math.log1p((at + 0.5) / 16));
const logarithm = (weight: number) => (weight < 256 ? LOGARITHMS[(weight * 16) | 0]! : Math.log1p(weight));

/** Paints layers over each other into `pixels` (little-endian RGBA); later layers lie above. */
export function paint(pixels: Uint32Array, layers: Layer[]): void {
  pixels.fill(0);
  for (const { raster: from, colours, faint } of layers) {
    const { weight, carried } = from;
    const most = densest(weight);
    if (most === 0) continue;
    const scale = 1 / Math.log1p(most);
    for (let at = 0; at < weight.length; at += 1) {
      const here = weight[at]!;
      if (here < 0.02) continue;
      const lit = faint + (1 - faint) * Math.min(1, logarithm(here) * scale);
      const alpha = Math.min(255, 255 * lit * Math.min(1, here)) | 0;
      const colour = colours[Math.min(255, (255 * carried[at]!) / here) | 0]!;
      const below = pixels[at]!;
      pixels[at] = below === 0 ? ((alpha << 24) | colour) >>> 0 : over(below, colour, alpha);
    }
  }
}

function densest(weight: Float32Array): number {
  let most = 0;
  for (let at = 0; at < weight.length; at += 1) if (weight[at]! > most) most = weight[at]!;
  return most;
}

function over(below: number, colour: number, alpha: number): number {
  const under = below >>> 24;
  const left = (under * (255 - alpha)) / 255;
  const sum = alpha + left;
  const mix = (shift: number) => (((colour >> shift) & 255) * alpha + ((below >> shift) & 255) * left) / sum;
  return ((sum << 24) | (mix(16) << 16) | (mix(8) << 8) | mix(0)) >>> 0;
}

/** A shuffle of 0…many−1 that is the same every time: any beginning of it is a fair sample. */
export function sampleOrder(many: number): Uint32Array {
  const order = Uint32Array.from({ length: many }, (_, at) => at);
  let state = 0x9e3779b9;
  for (let at = many - 1; at > 0; at -= 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 0x100000000) * (at + 1));
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return order;
}
