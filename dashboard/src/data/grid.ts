// Two axes cut into cells: the mean of a metric in each with its count, or a smooth field between measured points that
// stays empty where nothing was measured nearby. Guesses nothing beyond that.
import type { Axis } from "./axis";

export interface Cells {
  across: number;
  up: number;
  mean: Float64Array;                // row by row from the bottom; NaN for an empty cell
  count: Uint32Array;
}

/** How many cells an axis gets: one a choice, else `most`, or one for each of few distinct values. */
export function divisions(axis: Axis, most: number): number {
  if (axis.scale.kind === "category") return Math.max(1, axis.scale.ticks.length);
  return most;
}

export function cells(x: Axis, y: Axis, values: (number | null)[], most = 12): Cells {
  const across = divisions(x, most);
  const up = divisions(y, most);
  const mean = new Float64Array(across * up);
  const count = new Uint32Array(across * up);
  values.forEach((value, at) => {
    const cell = cellOf(x.places[at]!, y.places[at]!, across, up);
    if (value === null || cell < 0) return;
    mean[cell]! += value;
    count[cell]! += 1;
  });
  for (let cell = 0; cell < mean.length; cell += 1) mean[cell] = count[cell] ? mean[cell]! / count[cell]! : NaN;
  return { across, up, mean, count };
}

function cellOf(x: number, y: number, across: number, up: number): number {
  if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) return -1;
  const column = Math.min(across - 1, Math.floor(x * across));
  return Math.min(up - 1, Math.floor(y * up)) * across + column;
}

/** Gaussian-weighted means of the points within `reach` (a share of the axis); NaN farther away. */
export function field(x: Axis, y: Axis, values: (number | null)[], most = 48, reach = 0.07): Cells {
  const across = divisions(x, most);
  const up = divisions(y, most);
  const sum = new Float64Array(across * up);
  const weight = new Float64Array(across * up);
  const count = new Uint32Array(across * up);
  const wideX = x.scale.kind === "category" ? 1e-6 : reach;
  const wideY = y.scale.kind === "category" ? 1e-6 : reach;
  values.forEach((value, at) => {
    const px = x.places[at]!;
    const py = y.places[at]!;
    if (value === null || cellOf(px, py, across, up) < 0) return;
    spread(px, py, value, { across, up, wideX, wideY, sum, weight, count });
  });
  const mean = sum.map((total, cell) => (weight[cell]! > 0 ? total / weight[cell]! : NaN));
  return { across, up, mean, count };
}

interface Spread {
  across: number; up: number; wideX: number; wideY: number;
  sum: Float64Array; weight: Float64Array; count: Uint32Array;
}

function spread(px: number, py: number, value: number, into: Spread): void {
  const { across, up, wideX, wideY } = into;
  const left = Math.max(0, Math.ceil((px - wideX) * across - 0.5));
  const right = Math.min(across - 1, Math.floor((px + wideX) * across - 0.5));
  const low = Math.max(0, Math.ceil((py - wideY) * up - 0.5));
  const high = Math.min(up - 1, Math.floor((py + wideY) * up - 0.5));
  for (let row = low; row <= high; row += 1) {
    for (let column = left; column <= right; column += 1) {
      const dx = ((column + 0.5) / across - px) / wideX;
      const dy = ((row + 0.5) / up - py) / wideY;
      const square = dx * dx + dy * dy;
      if (square > 1) continue;
      const share = Math.exp(-4 * square);
      into.sum[row * across + column]! += share * value;
      into.weight[row * across + column]! += share;
      into.count[row * across + column]! += 1;
    }
  }
}
