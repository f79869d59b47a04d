// Axes of a study, quality, cells and fields.
import { expect, test } from "vitest";
import { axes, quality, readable, varying } from "../../src/data/axis";
import { cells, field } from "../../src/data/grid";
// @ts-expect-error made-up studies are plain JavaScript
import { study } from "../browser/studies.mjs";

const { picture } = study(1, "x", 200);
const all = axes(picture);

test("every parameter and metric is an axis, conditional ones with gaps", () => {
  expect(all.map((axis) => axis.key)).toEqual([...picture.parameters.map((one: { name: string }) => `p:${one.name}`), "m:eval_accuracy"]);
  expect(all[0]!.scale.kind).toBe("log");
  const gaps = Array.from(all[7]!.places).filter(Number.isNaN).length;
  expect(gaps).toBe(picture.trials.params[6].filter((value: string) => value !== "lora").length);
  for (const axis of all) for (const place of axis.places) expect(Number.isNaN(place) || (place > -0.01 && place < 1.01)).toBe(true);
});

test("a flipped axis has the other scale, and what never differs is not worth one", () => {
  expect(axes(picture, new Set(["p:learning_rate"]))[0]!.scale.kind).toBe("linear");
  const fixed = { ...picture, trials: { ...picture.trials, params: picture.trials.params.map((column: unknown[], at: number) => (at === 2 ? column.map(() => 3) : column)) } };
  expect(varying(axes(fixed)).map((axis) => axis.name)).not.toContain("num_train_epochs");
});

test("a value beside the domain, enqueued or imported, has a place", () => {
  const stray = structuredClone(picture);
  stray.trials.params[1][0] = 128;
  stray.trials.params[0][1] = 1;
  const found = axes(stray);
  expect(found[1]!.places[0]).not.toBeNaN();
  expect(found[0]!.places[1]).toBe(1);
});

test("quality is 1 for the best and lies between 0 and 1, for either goal", () => {
  const good = quality(picture, 0);
  expect(good[picture.best]).toBe(1);
  const less = { ...picture, metrics: [{ name: "loss", goal: "minimize" }] };
  expect(quality(less, 0)[picture.best]).toBe(0);
});

test("wild values do not flatten the rest", () => {
  const values = Array.from({ length: 100 }, (_, at) => at / 100);
  expect(readable(values)).toEqual([0, 0.99]);
  expect(readable([...values, 1e6])![1]).toBeLessThan(3);
  expect(readable([...values, 1e6], "all")![1]).toBe(1e6);
  expect(readable([])).toBe(null);
});

test("cells hold every trial with a value once, and their means", () => {
  const values = picture.trials.values[0];
  const found = cells(all[0]!, all[1]!, values, 10);
  const total = found.count.reduce((sum, one) => sum + one, 0);
  expect(total).toBe(values.filter((value: number | null) => value !== null).length);
  const sum = found.mean.reduce((before, mean, cell) => before + (found.count[cell] ? mean * found.count[cell]! : 0), 0);
  expect(sum).toBeCloseTo(values.reduce((before: number, value: number | null) => before + (value ?? 0), 0), 6);
  found.mean.forEach((mean, cell) => expect(Number.isNaN(mean)).toBe(found.count[cell] === 0));
});

test("the field is blank where nothing was measured, and between the values where something was", () => {
  const two = { ...picture, trials: { ...picture.trials, params: picture.trials.params.map((column: unknown[], at: number) => (at === 0 ? column.map(() => 1e-5) : at === 3 ? column.map(() => 0.1) : column)) } };
  const found = axes(two);
  const near = field(found[0]!, found[3]!, two.trials.values[0], 40);
  const filled = near.mean.filter((mean) => !Number.isNaN(mean));
  expect(filled.length).toBeGreaterThan(0);
  expect(filled.length).toBeLessThan(40);
  const values = two.trials.values[0] as number[];
  for (const mean of filled) expect(mean >= Math.min(...values) && mean <= Math.max(...values)).toBe(true);
});
