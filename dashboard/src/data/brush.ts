// Brushes on axes: which trials lie in all of them, and how a brush moves. A brush is a stretch of places on an axis,
// kept in links as `KEY~LOW~HIGH`. Draws nothing.
export interface Brush {
  low: number;
  high: number;
}
export type Brushes = Record<string, Brush>;

const SMALLEST = 0.005;

/** 1 for each trial that lies in every brush; a trial without a value on a brushed axis does not. */
export function selected(many: number, columns: { key: string; places: Float32Array }[], brushes: Brushes): Uint8Array {
  const inside = new Uint8Array(many).fill(1);
  for (const { key, places } of columns) {
    const brush = brushes[key];
    if (!brush) continue;
    const low = Math.fround(brush.low - 1e-6);
    const high = Math.fround(brush.high + 1e-6);
    for (let at = 0; at < many; at += 1) {
      const place = places[at]!;
      if (!(place >= low && place <= high)) inside[at] = 0;
    }
  }
  return inside;
}

/** The brush between two places, or none where it is too small to mean anything. */
export function between(one: number, other: number): Brush | null {
  const low = clamp(Math.min(one, other));
  const high = clamp(Math.max(one, other));
  return high - low < SMALLEST ? null : { low, high };
}

/** One edge moved by `step`; an edge never passes the other. */
export function nudge(brush: Brush | undefined, edge: "low" | "high", step: number): Brush {
  const { low, high } = brush ?? { low: 0, high: 1 };
  if (edge === "low") return { low: Math.min(clamp(low + step), high - SMALLEST), high };
  return { low, high: Math.max(clamp(high + step), low + SMALLEST) };
}

export function write(brushes: Brushes): string[] {
  return Object.entries(brushes).map(([key, { low, high }]) => `${key}~${round(low)}~${round(high)}`);
}

export function read(texts: string[]): Brushes {
  const brushes: Brushes = {};
  for (const text of texts) {
    const found = /^(.*)~([\d.]+)~([\d.]+)$/s.exec(text);
    const brush = found ? between(Number(found[2]), Number(found[3])) : null;
    if (found && brush) brushes[found[1]!] = brush;
  }
  return brushes;
}

/** `keys` with the one at `from` put to `to`. */
export function reorder(keys: string[], from: number, to: number): string[] {
  const moved = keys.slice();
  const [key] = moved.splice(from, 1);
  if (key !== undefined) moved.splice(Math.max(0, Math.min(moved.length, to)), 0, key);
  return moved;
}

const clamp = (place: number) => Math.min(1, Math.max(0, place));
const round = (place: number) => String(Math.round(place * 1e4) / 1e4);
