// What a view's link chooses, with what holds where it chooses nothing. Unknown names fall back; they are no error.
import { axes, varying, type Axis } from "./axis";
import type { Picture } from "./contract";
import { shown } from "./format";
import { one, type Place } from "./place.svelte";

/** Index of the metric that the link names, else the first. */
export function metricOf(picture: Picture, place: Place, key = "metric"): number {
  const name = one(place, key);
  return Math.max(0, picture.metrics.findIndex((metric) => metric.name === name));
}

export function on(place: Place, key: string): boolean {
  return one(place, key) === "1";
}

/** Two parameters: those of the link, else batch size and learning rate where there are such, else the two that matter most. */
export function pairOf(picture: Picture, place: Place): [Axis, Axis] | null {
  const all = axes(picture, new Set(place.query.flip ?? []));
  const found = varying(all);
  if (found.length < 2) return null;
  const named = (key: string) => all.find((axis) => axis.key === one(place, key));
  const ranked = byImportance(picture, found);
  const rate = found.find((axis) => /(^|[._])(lr|learning_rate)$/i.test(axis.name)) ?? ranked[0]!;
  const batch = found.find((axis) => axis !== rate && /batch/i.test(axis.name)) ?? ranked.find((axis) => axis !== rate)!;
  const x = named("x") ?? rate;
  const y = named("y") ?? (batch === x ? ranked.find((axis) => axis !== x)! : batch);
  return [x, y];
}

export function byImportance(picture: Picture, found: Axis[]): Axis[] {
  const first = picture.importance[0];
  if (!first || "refusal" in first) return found;
  const rank = new Map(first.parameters.map((parameter, at) => [parameter.name, at]));
  return found.slice().sort((a, b) => (rank.get(a.name) ?? 1e3) - (rank.get(b.name) ?? 1e3));
}

/** A trial in a few lines: its metrics, then what was varied. */
export function describe(picture: Picture, trial: number, most = 12): [string, string][] {
  const { trials } = picture;
  const rows: [string, string][] = [["state", picture.states[trials.state[trial]!]!]];
  picture.metrics.forEach((metric, at) => rows.push([metric.name, shown(trials.values[at]![trial]!)]));
  picture.parameters.forEach((parameter, at) => {
    if (parameter.kind !== "fixed" && rows.length < most) rows.push([parameter.name, shown(trials.params[at]![trial]!)]);
  });
  return rows;
}
