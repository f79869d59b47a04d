// Drawing in slices: as much as a frame allows at once, the rest when the browser is idle, so that a brush answers
// within a frame whatever the number of lines.
export interface Run {
  cancel(): void;
}

const FIRST_SLICE_MS = 14;
const SLICE_MS = 22;

/**
 * Calls `add(from, to)` until all `total` are added and `show` after every slice. The first slice is drawn at once.
 */
export function progressive(total: number, add: (from: number, to: number) => void, show: (done: boolean) => void, chunk = 64): Run {
  let at = 0;
  let frame = 0;
  const slice = (budget: number) => {
    const until = performance.now() + budget;
    do {
      const to = Math.min(total, at + chunk);
      add(at, to);
      at = to;
    } while (at < total && performance.now() < until);
    show(at >= total);
    if (at < total) frame = requestAnimationFrame(() => slice(SLICE_MS));
  };
  slice(FIRST_SLICE_MS);
  return { cancel: () => cancelAnimationFrame(frame) };
}

/** A canvas sized for the screen: pixels finer than the page's where there are few lines, and where the screen has them. */
export function ratioFor(lines: number): number {
  const screen = Math.min(2, globalThis.devicePixelRatio || 1);
  return lines > 2000 ? 1 : screen;
}
