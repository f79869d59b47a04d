// Brushes: who lies in them, how they move, how links keep them.
import { expect, test } from "vitest";
import { between, nudge, read, reorder, selected, write } from "../../src/data/brush";

const columns = [
  { key: "p:a", places: Float32Array.of(0, 0.5, 1, NaN) },
  { key: "m:b", places: Float32Array.of(0.1, 0.2, 0.9, 0.9) },
];

test("a trial is selected that lies in every brush", () => {
  expect([...selected(4, columns, {})]).toEqual([1, 1, 1, 1]);
  expect([...selected(4, columns, { "p:a": { low: 0.5, high: 1 } })]).toEqual([0, 1, 1, 0]);
  expect([...selected(4, columns, { "p:a": { low: 0, high: 0.5 }, "m:b": { low: 0.2, high: 0.2 } })]).toEqual([0, 1, 0, 0]);
});

test("a trial without a value on a brushed axis is not", () => {
  expect(selected(4, columns, { "p:a": { low: 0, high: 1 } })[3]).toBe(0);
});

test("a brush is whichever way it was drawn, inside the axis, and never nothing", () => {
  expect(between(0.7, 0.2)).toEqual({ low: 0.2, high: 0.7 });
  expect(between(-3, 4)).toEqual({ low: 0, high: 1 });
  expect(between(0.5, 0.501)).toBe(null);
});

test("keys move an edge, from the axis' end where there is no brush, and no edge passes the other", () => {
  expect(nudge(undefined, "low", 0.1)).toEqual({ low: 0.1, high: 1 });
  expect(nudge({ low: 0.2, high: 0.3 }, "high", -1).high).toBeCloseTo(0.205);
  expect(nudge({ low: 0.2, high: 0.3 }, "low", -1).low).toBe(0);
});

test("links keep brushes, of any name", () => {
  const brushes = { "p:a~b~0.1": { low: 0.25, high: 0.5 }, "p:x\ny": { low: 0, high: 1 } };
  expect(read(write(brushes))).toEqual(brushes);
  expect(read(["nonsense", "p:a~x~1", "p:a~0.5~0.5"])).toEqual({});
});

test("an axis is moved among the others", () => {
  expect(reorder(["a", "b", "c"], 0, 2)).toEqual(["b", "c", "a"]);
  expect(reorder(["a", "b", "c"], 2, -1)).toEqual(["c", "a", "b"]);
  expect(reorder(["a"], 4, 0)).toEqual(["a"]);
});
