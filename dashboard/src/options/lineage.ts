// Population-based training: who took over whose weights and when, and what each member's hyperparameters were along
// the way. Read off the takeovers of the log; nothing is inferred beyond them.
import type { Picture, Takeover } from "../data/contract";
import type { Value } from "../data/format";
import { series as colours, stateColour } from "../draw/colour";
import { base, categoryAxis, ink, logAxis, valueAxis, type Option } from "../draw/theme";

export type By = "fraction" | "step" | "time";

export function where(picture: Picture, takeover: Takeover, by: By): number | null {
  return by === "time" ? (takeover.at - picture.created_at) / 60000 : takeover[by];
}

/** How far a trial got. */
function end(picture: Picture, trial: number, by: By): number {
  if (by !== "time") return picture.trials[by][trial] ?? 0;
  return ((picture.trials.finished_at[trial] ?? picture.now) - picture.created_at) / 60000;
}

/** Members of the population: whoever took over or was taken over, and everyone else that ran. */
export function members(picture: Picture): number[] {
  const found = new Set(picture.lineage.flatMap(({ trial, from }) => [trial, from]));
  picture.trials.started_at.forEach((at, n) => at !== null && found.add(n));
  return [...found].sort((a, b) => a - b);
}

/** The takeovers that the weights of `trial` came through, the last first. */
export function descent(lineage: Takeover[], trial: number): Takeover[] {
  const found: Takeover[] = [];
  let holder = trial;
  for (let at = lineage.length - 1; at >= 0; at -= 1) {
    if (lineage[at]!.trial !== holder) continue;
    found.push(lineage[at]!);
    holder = lineage[at]!.from;
  }
  return found;
}

export function lineageOption(picture: Picture, by: By, dark: boolean): { option: Option; members: number } {
  const paint = ink(dark);
  const who = members(picture);
  const lane = new Map(who.map((n, at) => [n, at]));
  const chosen = picture.chosen ?? picture.best;
  const ancestry = new Set(chosen === null ? [] : descent(picture.lineage, chosen));
  const strong = dark ? "#f0e442" : "#a8487f";
  const bars = who.map((n) => [lane.get(n)!, 0, end(picture, n, by), n]);
  const arcs = picture.lineage.map((takeover, at) => [lane.get(takeover.from)!, lane.get(takeover.trial)!, where(picture, takeover, by) ?? 0, at]);
  const bar = (_: unknown, api: Api) => {
    const [x0, y] = api.coord([api.value(1), api.value(0)]);
    const [x1] = api.coord([api.value(2), api.value(0)]);
    const n = api.value(3);
    const stroke = n === chosen ? strong : stateColour(picture.states[picture.trials.state[n]!]!, dark);
    return { type: "line", shape: { x1: x0, y1: y, x2: Math.max(x1, x0 + 1), y2: y }, style: { stroke, lineWidth: n === chosen ? 4 : 2.5, opacity: n === chosen ? 1 : 0.65 } };
  };
  const arc = (_: unknown, api: Api) => {
    const [x, y0] = api.coord([api.value(2), api.value(0)]);
    const [, y1] = api.coord([api.value(2), api.value(1)]);
    const own = ancestry.has(picture.lineage[api.value(3)]!);
    const style = { stroke: own ? strong : paint.soft, fill: "none", lineWidth: own ? 2.5 : 1.2, opacity: own ? 1 : 0.75 };
    const head = { type: "circle", shape: { cx: x, cy: y1, r: own ? 4.5 : 3.2 }, style: { fill: own ? strong : paint.soft } };
    return { type: "group", children: [{ type: "bezierCurve", shape: { x1: x, y1: y0, x2: x, y2: y1, cpx1: x - Math.min(70, 8 + 0.3 * Math.abs(y1 - y0)), cpy1: (y0 + y1) / 2 }, style }, head] };
  };
  const option = {
    ...base(),
    xAxis: valueAxis(paint, NAMES[by], { min: 0, scale: false, ...(by === "fraction" ? { max: 1 } : {}) }),
    yAxis: categoryAxis(paint, "trial", who.map(String), { inverse: true, axisTick: { show: false }, axisLabel: { color: paint.soft } }),
    series: [
      { id: "members", name: "members", type: "custom", renderItem: bar, data: bars, encode: { x: [1, 2], y: 0 }, silent: true },
      { id: "takeovers", name: "takeovers", type: "custom", renderItem: arc, data: arcs, encode: { x: 2, y: [0, 1] }, z: 5 },
    ],
  };
  return { option, members: who.length };
}

export const NAMES: Record<By, string> = { fraction: "fraction of the schedule", step: "step", time: "minutes since the study began" };

/** Places and values of a parameter along a trial: what it began with, and each change. */
export function schedule(picture: Picture, trial: number, parameter: string, by: By): [number, Value][] {
  const index = picture.parameters.findIndex((one) => one.name === parameter);
  const changes = picture.lineage.filter((takeover) => takeover.trial === trial && takeover.changed.some((one) => one.name === parameter));
  const change = (takeover: Takeover) => takeover.changed.find((one) => one.name === parameter)!;
  const first = changes[0] ? change(changes[0]).before : (picture.trials.params[index]?.[trial] ?? null);
  const points: [number, Value][] = [[0, first]];
  for (const takeover of changes) points.push([where(picture, takeover, by) ?? 0, change(takeover).after]);
  points.push([end(picture, trial, by), points[points.length - 1]![1]]);
  return points;
}

export function schedulesOption(picture: Picture, parameter: string, by: By, log: boolean, dark: boolean): Option {
  const paint = ink(dark);
  const chosen = picture.chosen ?? picture.best;
  const palette = colours(dark);
  const strong = dark ? "#f0e442" : "#a8487f";
  const lines = members(picture).map((n, at) => ({
    id: `trial:${n}`, name: `trial ${n}`, type: "line", step: "end", data: schedule(picture, n, parameter, by), symbolSize: 5, triggerLineEvent: true,
    showSymbol: true, lineStyle: { width: n === chosen ? 3 : 1.5, color: n === chosen ? strong : palette[at % palette.length], opacity: n === chosen ? 1 : 0.7 },
    itemStyle: { color: n === chosen ? strong : palette[at % palette.length] }, z: n === chosen ? 5 : 2,
  }));
  const words = lines.some((line) => line.data.some(([, value]) => typeof value === "string" || typeof value === "boolean"));
  const known = picture.parameters.find((one) => one.name === parameter);
  const yAxis = words ? categoryAxis(paint, parameter, (known?.choices ?? []).map(String)) : (log ? logAxis : valueAxis)(paint, parameter);
  return { ...base(), xAxis: valueAxis(paint, NAMES[by], { min: 0, scale: false, ...(by === "fraction" ? { max: 1 } : {}) }), yAxis, series: lines };
}

interface Api {
  value(at: number): number;
  coord(point: [number, number]): [number, number];
}
