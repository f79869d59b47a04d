// Scales: places of values, what has none, ticks.
import { expect, test } from "vitest";
import { category, decades, linear, logarithmic, nice } from "../../src/data/scale";

test("a linear scale places its ends at 0 and 1 and goes back", () => {
  const scale = linear(2, 6);
  expect([scale.place(2), scale.place(4), scale.place(6)]).toEqual([0, 0.5, 1]);
  expect(scale.value(0.25)).toBe(3);
  expect(scale.place("3")).toBeNaN();
});

test("a scale of one value has room around it", () => {
  expect(linear(3, 3).place(3)).toBe(0.5);
  expect(logarithmic(0.1, 0.1).place(0.1)).toBeCloseTo(0.5);
});

test("a logarithmic scale has no place for what is not above zero", () => {
  const scale = logarithmic(1e-6, 1e-2);
  expect(scale.place(1e-4)).toBeCloseTo(0.5);
  expect(scale.place(0)).toBeNaN();
  expect(scale.place(null)).toBeNaN();
  expect(scale.value(0.5)).toBeCloseTo(1e-4);
});

test("a range that reaches zero cannot be logarithmic", () => {
  expect(logarithmic(0, 1).kind).toBe("linear");
});

test("choices lie in the middle of equal parts, and kinds are kept apart", () => {
  const scale = category([16, "16", true, null]);
  expect([16, "16", true, null].map((value) => scale.place(value))).toEqual([0.125, 0.375, 0.625, 0.875]);
  expect(scale.place(32)).toBeNaN();
  expect(scale.value(0.99)).toBe(null);
  expect(scale.value(0.3)).toBe("16");
});

test("round ticks", () => {
  expect(nice(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(nice(0.03, 0.31).every((value) => value >= 0.03 && value <= 0.31)).toBe(true);
  expect(decades(1e-6, 1e-3)).toEqual([1e-6, 1e-5, 1e-4, 1e-3]);
  expect(decades(2, 64)).toEqual([2, 5, 10, 20, 50]);
  expect(decades(1e-30, 1).length).toBeLessThan(10);
  expect(decades(3, 4)).toEqual([3, 4]);
});
