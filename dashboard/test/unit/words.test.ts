// Numbers in words, what is typed into forms, keys.
import { expect, test } from "vitest";
import type { Parameter } from "../../src/data/contract";
import { budgetCommand, read, readAll } from "../../src/data/enqueue";
import { count, duration, money, number, short } from "../../src/data/format";
import { Keys } from "../../src/data/keys";

test("numbers", () => {
  expect([0, 16, 0.89420312, 4.84e-5, 123456789, -0.5, null, NaN, 1e-3, 10000].map((value) => number(value))).toEqual(["0", "16", "0.8942", "4.84e-5", "1.235e8", "-0.5", "–", "–", "0.001", "10000"]);
});

test("durations and money", () => {
  expect([0, 0.25, 45, 192, 20760, 187200, null].map((seconds) => duration(seconds))).toEqual(["0 s", "250 ms", "45 s", "3.2 min", "5 h 46 min", "2 d 4 h", "–"]);
  expect([money(2.3), money(0.0204), money(null)]).toEqual(["2.30", "0.0204", "–"]);
  expect([count(1, "trial"), count(1200, "trial")]).toEqual(["1 trial", "1,200 trials"]);
  expect(short("per_device_train_batch_size", 11)).toBe("per_d…_size");
});

const parameter = (more: Partial<Parameter>): Parameter => ({ name: "x", kind: "float", log: false, low: 0, high: 1, choices: null, ordered: false, condition: null, ...more });

test("what is typed is a value of the domain, or refused in words", () => {
  expect(read(parameter({}), " 0.5 ")).toEqual({ value: 0.5 });
  expect(read(parameter({}), "")).toBe(null);
  expect(read(parameter({}), "2")).toEqual({ refusal: "x is at most 1" });
  expect(read(parameter({}), "many")).toEqual({ refusal: "x is a number" });
  expect(read(parameter({ kind: "int", high: 9 }), "1.5")).toEqual({ refusal: "x is a whole number" });
  expect(read(parameter({ kind: "categorical", choices: [16, "16", false] }), "2")).toEqual({ value: false });
  expect(read(parameter({ kind: "categorical", choices: [16] }), "7")).toEqual({ refusal: "x has no such choice" });
});

test("a whole configuration; a parameter may be called anything", () => {
  const found = readAll([parameter({ name: "__proto__" }), parameter({ name: "y" })], Object.fromEntries([["__proto__", "0.25"]]));
  expect(JSON.stringify(found)).toBe('{"params":{"__proto__":0.25}}');
});

test("a budget names what was changed alone", () => {
  const limits = [{ name: "trials", spent: 3, limit: 20, unit: "trials" }, { name: "cost", spent: 1, limit: 5, unit: "money" }];
  expect(budgetCommand(limits, { trials: "40", cost: "5" })).toEqual({ command: { command: "budget", trials: 40 } });
  expect(budgetCommand(limits, { trials: "20" })).toEqual({ refusal: "nothing is changed" });
  expect(budgetCommand(limits, { trials: "2.5" })).toEqual({ refusal: "trials is a whole number" });
  expect(budgetCommand(limits, { cost: "-1" })).toEqual({ refusal: "cost is a number above zero" });
});

test("keys: a digit, or g and a letter soon after", () => {
  const keys = new Keys([{ name: "history", key: "2", letter: "h" }, { name: "front", key: "", letter: "f" }]);
  expect(keys.press("2", 0)).toEqual({ view: "history" });
  expect(keys.press("g", 0)).toBe(null);
  expect(keys.press("f", 900)).toEqual({ view: "front" });
  expect(keys.press("f", 1000)).toBe(null);
  keys.press("g", 0);
  expect(keys.press("h", 2000)).toBe(null);
  expect(keys.press("?", 3000)).toEqual({ act: "help" });
  expect(keys.press("g", 4000)).toBe(null);
  expect(keys.press("a", 4100)).toEqual({ act: "studies" });
});
