// The table: sorting and filtering lose and invent no trial.
import { expect, test } from "vitest";
import { columns, filtered, sorted } from "../../src/data/table";
// @ts-expect-error made-up studies are plain JavaScript
import { study } from "../browser/studies.mjs";

const { picture } = study(1, "x", 60);
const found = columns(picture);
const column = (key: string) => found.find((one) => one.key === key)!;
const all = picture.trials.state.map((_: number, n: number) => n) as number[];

test("sorted by a metric, best first or last, and nothing lost", () => {
  const values = sorted(all, column("m:eval_accuracy"), true).map((n) => picture.trials.values[0][n]);
  expect(values.length).toBe(60);
  for (let at = 1; at < values.length; at += 1) expect(values[at - 1]).toBeGreaterThanOrEqual(values[at]);
});

test("absent values come last whichever way", () => {
  for (const down of [true, false]) {
    const values = sorted(all, column("p:lora.r"), down).map((n) => picture.trials.params[7][n]);
    const first = values.indexOf(null);
    expect(values.slice(first).every((value) => value === null)).toBe(true);
    expect(first).toBeGreaterThan(0);
  }
});

test("equal values stay in the order of numbers", () => {
  const numbers = sorted(all, column("p:adapter"), true);
  const lora = numbers.filter((n) => picture.trials.params[6][n] === "lora");
  expect(lora).toEqual([...lora].sort((a, b) => a - b));
});

test("filters: states, words, comparisons", () => {
  const pruned = filtered(picture, found, new Set(["pruned"]), "");
  expect(pruned.length).toBe(picture.counts[4]);
  const low = filtered(picture, found, new Set(), "learning_rate<1e-5 adapter=lora");
  expect(low.length).toBeGreaterThan(0);
  for (const n of low) expect([picture.trials.params[0][n] < 1e-5, picture.trials.params[6][n]]).toEqual([true, "lora"]);
  expect(filtered(picture, found, new Set(), "cosine").every((n) => picture.trials.params[5][n] === "cosine")).toBe(true);
  expect(filtered(picture, found, new Set(), "learning_rate<")).toEqual([]);
  expect(filtered(picture, found, new Set(), "nowhere-at-all")).toEqual([]);
  expect(filtered(picture, found, new Set(), "per_device_train_batch_size=16").every((n) => picture.trials.params[1][n] === 16)).toBe(true);
});
