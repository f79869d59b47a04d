// The optimisation history as a chart: values as they came, the running best, and its noise band. All of it is the
// binary's; this only lays it out.
import { readable } from "../data/axis";
import type { History, Picture } from "../data/contract";
import { stateColour, stateSymbol } from "../draw/colour";
import { base, ink, logAxis, valueAxis, zoom, type Option } from "../draw/theme";

export type Across = "trials" | "time" | "device";

/** Where each entry of the history lies: its place in the order, minutes since the study began, device minutes. */
export function across(picture: Picture, history: History, by: Across): number[] {
  if (by === "trials") return history.trial.map((_, at) => at + 1);
  if (by === "time") return history.at.map((at) => (at - picture.created_at) / 60000);
  let spent = 0;
  return history.trial.map((trial) => (spent += picture.trials.device_seconds[trial]! / 60));
}

export const ACROSS: Record<Across, string> = {
  trials: "trials ended", time: "minutes since the study began", device: "device minutes of the trials ended",
};

/** Corners of a staircase: only where the height changes, and the end. */
export function stairs(x: number[], y: number[]): [number, number][] {
  const found: [number, number][] = [];
  y.forEach((height, at) => {
    const last = found[found.length - 1];
    if (last && last[1] === height && at < y.length - 1) return;
    if (last && last[1] !== height) found.push([x[at]!, last[1]]);
    found.push([x[at]!, height]);
  });
  return found;
}

export function historyOption(picture: Picture, metric: number, by: Across, log: boolean, whole: boolean, dark: boolean): Option {
  const history = picture.history[metric]!;
  const paint = ink(dark);
  const x = across(picture, history, by);
  const best = dark ? "#f0e442" : "#a8487f";
  const range = readable([...history.value, ...history.best], whole ? "all" : "both");
  const bounds = range && !log ? pad(range) : {};
  const axis = log ? logAxis : valueAxis;
  return {
    ...base(),
    xAxis: valueAxis(paint, ACROSS[by], { min: "dataMin", max: "dataMax", splitLine: { show: false } }),
    yAxis: axis(paint, picture.metrics[metric]!.name, bounds),
    dataZoom: zoom({ x: 0 }),
    series: [
      ...byState(picture, history, x, dark),
      band(x, history, best),
      staircase(x, history, best),
    ],
  };
}

/** The running best as an exact staircase; a chart's own lines leave out corners closer than a pixel. */
function staircase(x: number[], history: History, colour: string): Option {
  const corners = stairs(x, history.best);
  return {
    id: "best", name: "running best", type: "custom", silent: true, z: 5, clip: true, data: [[x[0] ?? 0, history.best[0] ?? 0]],
    renderItem: (_: unknown, api: Api) => ({
      type: "polyline", shape: { points: corners.map((point) => api.coord(point)) }, style: { stroke: colour, lineWidth: 2.5, fill: "none" },
    }),
  };
}

interface Api {
  coord(point: [number, number]): [number, number];
}

export function pad([low, high]: [number, number]): Option {
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return { min: low - room, max: high + room, inner: true };
}

function byState(picture: Picture, history: History, x: number[], dark: boolean): Option[] {
  const groups = new Map<number, [number, number, number][]>();
  history.trial.forEach((trial, at) => {
    const state = picture.trials.state[trial]!;
    const group = groups.get(state) ?? [];
    group.push([x[at]!, history.value[at]!, trial]);
    groups.set(state, group);
  });
  return [...groups].map(([state, data]) => dots(picture.states[state]!, data, history.trial.length, dark));
}

/** Points of one state among `total`; the third number of each is its trial. */
export function dots(state: string, data: [number, number, number][], total: number, dark: boolean): Option {
  const many = total > 2000;
  return {
    id: `state:${state}`, name: state, type: "scatter", data, large: many, largeThreshold: 0,
    symbol: many ? "circle" : stateSymbol(state), symbolSize: many ? 4 : 8,
    itemStyle: { color: stateColour(state, dark), opacity: many ? 0.5 : 0.8 },
  };
}

function band(x: number[], history: History, colour: string): Option {
  const low = stairs(x, history.low);
  const high = stairs(x, history.high);
  const outline = [...low, ...high.reverse()];
  const some = history.low.some((value, at) => value !== history.high[at]);
  return {
    id: "band", name: "noise band", type: "custom", silent: true, z: 1, clip: true,
    data: some ? [[x[0] ?? 0, history.low[0] ?? 0]] : [],
    renderItem: (_: unknown, api: Api) => ({
      type: "polygon", shape: { points: outline.map((point) => api.coord(point)) }, style: { fill: colour, opacity: 0.16 },
    }),
  };
}
