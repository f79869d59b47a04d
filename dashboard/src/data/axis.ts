// A study's columns as axes: parameters and metrics, each with a scale and every trial's place on it. Computes places
// only; what the values mean is the binary's to say.
import type { Parameter, Picture } from "./contract";
import { range } from "./curves";
import type { Value } from "./format";
import { category, linear, logarithmic, type Scale } from "./scale";

export interface Axis {
  key: string;                       // "p:NAME" or "m:NAME": a metric may have a parameter's name
  name: string;
  metric: boolean;
  scale: Scale;
  canLog: boolean;
  values: Value[];
  places: Float32Array;
}

/** Parameters in the order of the space, then metrics. Those in `flipped` have the other numeric scale. */
export function axes(picture: Picture, flipped: ReadonlySet<string> = new Set()): Axis[] {
  const parameters = picture.parameters.map((parameter, index) => {
    const key = `p:${parameter.name}`;
    const values = picture.trials.params[index]!;
    return finish(key, parameter.name, false, values, parameterScale(parameter, values, flipped.has(key)));
  });
  const metrics = picture.metrics.map((metric, index) => {
    const key = `m:${metric.name}`;
    const values = picture.trials.values[index]!;
    return finish(key, metric.name, true, values, numeric(values, flipped.has(key)));
  });
  return [...parameters, ...metrics];
}

function finish(key: string, name: string, metric: boolean, values: Value[], scale: Scale): Axis {
  const places = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += 1) places[at] = scale.place(values[at]!);
  const canLog = scale.kind !== "category" && values.every((value) => typeof value !== "number" || value > 0);
  return { key, name, metric, scale, canLog, values, places };
}

function parameterScale(parameter: Parameter, values: Value[], flipped: boolean): Scale {
  if (parameter.choices !== null) return category(withStrays(parameter.choices, values));
  if (parameter.kind === "fixed" || values.some((value) => typeof value === "string" || typeof value === "boolean")) {
    return category([...new Set(values.filter((value) => value !== null))]);
  }
  const found = range(values as number[]) ?? [0, 1];
  const low = Math.min(parameter.low ?? found[0], found[0]);
  const high = Math.max(parameter.high ?? found[1], found[1]);
  return parameter.log !== flipped ? logarithmic(low, high) : linear(low, high);
}

/** A metric's scale; wild values of single trials (a loss that exploded) may lie outside it. */
function numeric(values: Value[], log: boolean): Scale {
  const found = readable(values as number[]) ?? [0, 1];
  return log ? logarithmic(found[0], found[1]) : linear(found[0], found[1]);
}

/** The range to draw: all of it, or the middle nine tenths with room around where wild values would flatten the rest. */
export function readable(values: Float32Array | (number | null)[], sides: "both" | "all" = "both"): [number, number] | null {
  const all = range(values);
  const most = range(values, 0.05);
  if (!all || !most || sides === "all") return all;
  const span = most[1] - most[0];
  if (span === 0 || all[1] - all[0] <= 8 * span) return all;
  return [Math.max(all[0], most[0] - span), Math.min(all[1], most[1] + span)];
}

/** Choices, and after them what was enqueued or imported beside them. */
function withStrays(choices: Value[], values: Value[]): Value[] {
  const known = new Set(choices);
  const strays = [...new Set(values)].filter((value) => value !== null && !known.has(value));
  return [...choices, ...strays];
}

/** Parameters that differ between trials: those worth an axis. */
export function varying(found: Axis[]): Axis[] {
  return found.filter((axis) => !axis.metric && new Set(axis.values).size > 1);
}

/** From 0 (poor) to 1 (best) for each trial by a metric, the poorest tenth drawn alike; NaN where there is no value. */
export function quality(picture: Picture, metric: number): Float32Array {
  const values = picture.trials.values[metric]!;
  const out = new Float32Array(values.length).fill(NaN);
  const found = range(values.filter((value) => value !== null) as number[]);
  if (!found) return out;
  const sign = picture.metrics[metric]!.goal === "maximize" ? 1 : -1;
  const signed = values.filter((value) => value !== null).map((value) => sign * value!).sort((a, b) => a - b);
  const poor = signed[Math.floor(signed.length * 0.1)]!;
  const span = signed[signed.length - 1]! - poor || 1;
  values.forEach((value, at) => {
    if (value !== null) out[at] = Math.min(1, Math.max(0, (sign * value - poor) / span));
  });
  return out;
}
