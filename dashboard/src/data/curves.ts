// Reads the curves' bytes (contract: "TSC1") and thins them for drawing. Refuses bytes that do not add up.
import type { Curves } from "./contract";

const MAGIC = 0x31435354;

export class BadCurves extends Error {}

export function decode(bytes: ArrayBuffer): Curves & { revision: number } {
  if (bytes.byteLength < 16) throw new BadCurves("the curves have no header");
  const [magic, trials, total, revision] = new Uint32Array(bytes, 0, 4);
  if (magic !== MAGIC) throw new BadCurves("these bytes are no curves");
  const expected = 16 + 4 * (trials! + 1) + 12 * total!;
  if (bytes.byteLength !== expected) {
    throw new BadCurves(`the curves have ${bytes.byteLength} bytes and should have ${expected}`);
  }
  const offset = new Uint32Array(bytes, 16, trials! + 1);
  if (offset[0] !== 0 || offset[trials!] !== total) throw new BadCurves("the curves' offsets do not add up");
  for (let at = 0; at < trials!; at += 1) {
    if (offset[at]! > offset[at + 1]!) throw new BadCurves("the curves' offsets go backwards");
  }
  const start = 16 + 4 * (trials! + 1);
  const column = (index: number) => new Float32Array(bytes, start + 4 * total! * index, total!);
  return { offset, step: column(0), fraction: column(1), value: column(2), revision: revision! };
}

export function fromBase64(text: string): ArrayBuffer {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) bytes[at] = raw.charCodeAt(at);
  return bytes.buffer;
}

/** Indices of at most `most` points of one curve, evenly, its first and last among them. */
export function thin(from: number, to: number, most: number): number[] {
  const many = to - from;
  if (many <= most) return Array.from({ length: many }, (_, at) => from + at);
  if (most < 2) return many > 0 && most > 0 ? [to - 1] : [];
  const stride = (many - 1) / (most - 1);
  return Array.from({ length: most }, (_, at) => from + Math.round(at * stride));
}

/** Values that are sorted to find a share of them; of more, every so-manieth is taken. */
const MOST_SORTED = 20_000;

/** The finite range of `values`, about a `share` of the highest and lowest left out on request; null where there is none. */
export function range(values: Float32Array | (number | null)[], share = 0): [number, number] | null {
  let [low, high] = [Infinity, -Infinity];
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at];
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return null;
  return share === 0 ? [low, high] : middle(values, share);
}

function middle(values: Float32Array | (number | null)[], share: number): [number, number] {
  const stride = Math.ceil(values.length / MOST_SORTED);
  const found: number[] = [];
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at];
    if ((at % stride === 0 || values.length < MOST_SORTED) && value !== null && value !== undefined && Number.isFinite(value)) found.push(value);
  }
  const sorted = Float64Array.from(found.length > 0 ? found : [0]).sort();
  const cut = Math.floor(sorted.length * share);
  return [sorted[cut]!, sorted[sorted.length - 1 - cut]!];
}
