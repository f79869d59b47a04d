// Sorting and filtering trials by number. Gives indices; copies no rows.
import type { Picture } from "./contract";
import type { Value } from "./format";

export interface Column {
  key: string;
  title: string;
  numeric: boolean;
  of(trial: number): Value;
}

export function columns(picture: Picture): Column[] {
  const { trials, states } = picture;
  const state: Column = { key: "state", title: "state", numeric: false, of: (n) => states[trials.state[n]!]! };
  const metrics = picture.metrics.map((metric, index) => ({
    key: `m:${metric.name}`, title: metric.name, numeric: true, of: (n: number) => trials.values[index]![n]!,
  }));
  const parameters = picture.parameters.map((parameter, index) => ({
    key: `p:${parameter.name}`,
    title: parameter.name,
    numeric: parameter.choices === null && parameter.kind !== "fixed",
    of: (n: number) => trials.params[index]![n]!,
  }));
  const rest: Column[] = [
    { key: "step", title: "step", numeric: true, of: (n) => trials.step[n]! },
    { key: "device", title: "device time", numeric: true, of: (n) => trials.device_seconds[n]! },
    { key: "reason", title: "reason", numeric: false, of: (n) => trials.reason[n] ?? null },
  ];
  return [{ key: "number", title: "trial", numeric: true, of: (n) => n }, state, ...metrics, ...parameters, ...rest];
}

/** Trial numbers in order of a column; absent values last whichever way, equal ones by number. */
export function sorted(numbers: number[], column: Column, down: boolean): number[] {
  const sign = down ? -1 : 1;
  const keys = new Map(numbers.map((n) => [n, column.of(n)]));
  return numbers.slice().sort((a, b) => {
    const one = keys.get(a)!;
    const other = keys.get(b)!;
    if (one === null || other === null) return one === other ? a - b : one === null ? 1 : -1;
    return sign * compare(one, other) || a - b;
  });
}

function compare(one: NonNullable<Value>, other: NonNullable<Value>): number {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one) < String(other) ? -1 : String(one) > String(other) ? 1 : 0;
}

/** Trials in one of the states whose row has every word of `text`: `adam lr>1e-4 state=pruned`. */
export function filtered(picture: Picture, found: Column[], states: ReadonlySet<string>, text: string): number[] {
  const tests = text.split(/\s+/).filter((word) => word !== "").map((word) => test(found, word));
  const numbers: number[] = [];
  picture.trials.state.forEach((state, n) => {
    const wanted = states.size === 0 || states.has(picture.states[state]!);
    if (wanted && tests.every((fits) => fits(n))) numbers.push(n);
  });
  return numbers;
}

function test(found: Column[], word: string): (trial: number) => boolean {
  const parts = /^(.+?)(<=|>=|=|<|>)(.*)$/.exec(word);
  const column = parts && (found.find((one) => one.title === parts[1]) ?? found.find((one) => one.title.endsWith(parts[1]!)));
  if (!parts || !column) {
    const wanted = word.toLowerCase();
    return (n) => found.some((one) => String(one.of(n) ?? "").toLowerCase().includes(wanted));
  }
  const [, , sign, right] = parts;
  const limit = Number(right);
  return (n) => {
    const value = column.of(n);
    if (sign === "=") return typeof value === "number" ? value === limit : String(value ?? "") === right;
    if (typeof value !== "number" || right === "" || Number.isNaN(limit)) return false;
    if (sign === "<") return value < limit;
    if (sign === ">") return value > limit;
    return sign === "<=" ? value <= limit : value >= limit;
  };
}
