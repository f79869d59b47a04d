// From values to places on an axis and back: linear, logarithmic, categorical. Places run from 0 to 1, NaN where
// a value has none (absent, or not above zero on a logarithmic axis).
import { number, shown, type Value } from "./format";

export interface Tick {
  at: number;
  label: string;
}
export interface Scale {
  kind: "linear" | "log" | "category";
  place(value: Value): number;
  /** The value at a place; for a category the nearest choice. */
  value(place: number): Value;
  ticks: Tick[];
}

export function linear(low: number, high: number): Scale {
  const [from, to] = low === high ? [low - 0.5, high + 0.5] : [low, high];
  const span = to - from;
  const place = (value: Value) => (typeof value === "number" ? (value - from) / span : NaN);
  const ticks = nice(from, to).map((value) => ({ at: place(value), label: number(value) }));
  return { kind: "linear", place, value: (at) => from + at * span, ticks };
}

export function logarithmic(low: number, high: number): Scale {
  if (!(low > 0) || !(high > 0)) return linear(low, high);
  const [from, to] = low === high ? [low / 2, high * 2] : [low, high];
  const start = Math.log(from);
  const span = Math.log(to) - start;
  const place = (value: Value) => (typeof value === "number" && value > 0 ? (Math.log(value) - start) / span : NaN);
  const ticks = decades(from, to).map((value) => ({ at: place(value), label: number(value) }));
  return { kind: "log", place, value: (at) => Math.exp(start + at * span), ticks };
}

export function category(choices: Value[]): Scale {
  const index = new Map(choices.map((choice, at) => [choice, at]));
  const many = Math.max(1, choices.length);
  const place = (value: Value) => {
    const at = index.get(value);
    return at === undefined ? NaN : (at + 0.5) / many;
  };
  const value = (at: number) => choices[Math.min(many - 1, Math.max(0, Math.floor(at * many)))] ?? null;
  const ticks = choices.map((choice, at) => ({ at: (at + 0.5) / many, label: choice === null ? "null" : shown(choice) }));
  return { kind: "category", place, value, ticks };
}

/** Round values inside the range, about five of them. */
export function nice(low: number, high: number, about = 5): number[] {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const found: number[] = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) {
    found.push(Number((at * step).toPrecision(12)));
  }
  return found;
}

/** Powers of ten inside the range, with twos and fives where there are few, never more than about eight. */
export function decades(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  const wide = last - first;
  const factors = wide <= 2 ? [1, 2, 5] : [1];
  const stride = Math.max(1, Math.ceil(wide / 8));
  const found: number[] = [];
  for (let power = first; power <= last; power += stride) {
    for (const factor of factors) {
      const value = Number((factor * 10 ** power).toPrecision(3));
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) found.push(value);
    }
  }
  return found.length > 0 ? found : [low, high];
}
