// One parameter against a metric, and two metrics against each other: points by state, the front joined.
import type { Axis } from "../data/axis";
import { readable } from "../data/axis";
import type { Picture } from "../data/contract";
import { base, ink, logAxis, placeAxis, valueAxis, zoom, type Option } from "../draw/theme";
import { dots, pad } from "./history";

/** Points by state, and how many there are. */
export function sliceOption(picture: Picture, axis: Axis, metric: number, log: boolean, dark: boolean): { option: Option; points: number } {
  const paint = ink(dark);
  const values = picture.trials.values[metric]!;
  const { series, points } = grouped(picture, (n) => pairOf(jittered(axis, n), values[n]!), dark);
  const range = readable(values as number[]);
  const option = {
    ...base(),
    xAxis: placeAxis(paint, axis),
    yAxis: (log ? logAxis : valueAxis)(paint, picture.metrics[metric]!.name, range && !log ? pad(range) : {}),
    series,
  };
  return { option, points };
}

/** Places of choices spread a little, the same way every time. */
function jittered(axis: Axis, n: number): number {
  const place = axis.places[n]!;
  if (axis.scale.kind !== "category") return place;
  return place + ((Math.imul(n + 1, 2654435761) >>> 8) / 0x1000000 - 0.5) * (0.5 / axis.scale.ticks.length);
}

function pairOf(x: number, y: number | null): [number, number] | null {
  return Number.isNaN(x) || y === null ? null : [x, y];
}

function grouped(picture: Picture, point: (n: number) => [number, number] | null, dark: boolean) {
  const groups = new Map<number, [number, number, number][]>();
  let points = 0;
  picture.trials.state.forEach((state, n) => {
    const found = point(n);
    if (!found) return;
    points += 1;
    const group = groups.get(state) ?? [];
    group.push([...found, n]);
    groups.set(state, group);
  });
  return { series: [...groups].map(([state, data]) => dots(picture.states[state]!, data, points, dark)), points };
}

export function frontOption(picture: Picture, x: number, y: number, logs: [boolean, boolean], dark: boolean): { option: Option; points: number } {
  const paint = ink(dark);
  const xs = picture.trials.values[x]!;
  const ys = picture.trials.values[y]!;
  const { series, points } = grouped(picture, (n) => (xs[n] === null ? null : pairOf(xs[n]!, ys[n]!)), dark);
  const front = picture.front
    .filter((n) => xs[n] !== null && ys[n] !== null)
    .map((n): [number, number, number] => [xs[n]!, ys[n]!, n])
    .sort((a, b) => a[0] - b[0]);
  const strong = dark ? "#f0e442" : "#a8487f";
  const two = picture.metrics.length === 2;
  const axis = (log: boolean, metric: number) => (log ? logAxis : valueAxis)(paint, `${picture.metrics[metric]!.name} (${picture.metrics[metric]!.goal === "minimize" ? "less is better" : "more is better"})`);
  const option = {
    ...base(),
    xAxis: axis(logs[0], x),
    yAxis: axis(logs[1], y),
    dataZoom: zoom({ x: 0, y: 0 }),
    series: [
      ...series,
      { id: "front", name: "front", type: "line", step: two ? stepOf(picture, x) : false, data: front, symbol: "circle", symbolSize: 9, z: 6,
        lineStyle: { width: two ? 2 : 0, color: strong }, itemStyle: { color: strong, borderColor: paint.page, borderWidth: 1 } },
    ],
  };
  return { option, points };
}

/** A staircase of what is attained: no point between two of the front is promised. */
function stepOf(picture: Picture, x: number): "end" | "start" {
  return picture.metrics[x]!.goal === "minimize" ? "end" : "start";
}
