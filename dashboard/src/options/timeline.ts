// Stretches of work as bars in lanes: one lane for each thing a worker does at a time. It orders lanes; times are the log's.
import type { Picture, Timeline } from "../data/contract";
import { stateColour } from "../draw/colour";
import { base, categoryAxis, ink, valueAxis, zoom, type Option } from "../draw/theme";

export interface Lanes {
  lane: number[];                    // of each stretch
  labels: string[];                  // a worker's name on its first lane
}

/** Puts each stretch into the first lane of its worker that is free when it begins. */
export function lanes(timeline: Timeline, now: number): Lanes {
  const order = timeline.from.map((_, at) => at).sort((a, b) => timeline.from[a]! - timeline.from[b]!);
  const free: number[][] = timeline.workers.map(() => []);
  const inner = new Array<number>(order.length).fill(0);
  for (const at of order) {
    const ends = free[timeline.worker[at]!]!;
    const found = ends.findIndex((end) => end <= timeline.from[at]!);
    const lane = found < 0 ? ends.length : found;
    ends[lane] = timeline.to[at] ?? now;
    inner[at] = lane;
  }
  const starts: number[] = [];
  const labels: string[] = [];
  timeline.workers.forEach((worker, index) => {
    starts.push(labels.length);
    const many = Math.max(1, free[index]!.length);
    for (let lane = 0; lane < many; lane += 1) labels.push(lane === 0 ? worker : "");
  });
  return { lane: inner.map((lane, at) => starts[timeline.worker[at]!]! + lane), labels };
}

/** How an end is drawn beside its colour: hatched where work was cut off. */
export function timelineOption(picture: Picture, dark: boolean): { option: Option; points: number; lanes: number } {
  const { timeline } = picture;
  const paint = ink(dark);
  const laid = lanes(timeline, picture.now);
  const minute = (ms: number) => (ms - picture.created_at) / 60000;
  const data = timeline.trial.map((_, at) => [laid.lane[at]!, minute(timeline.from[at]!), minute(timeline.to[at] ?? picture.now), at]);
  const colours = timeline.ends.map((end) => stateColour(end, dark));
  const renderItem = (_: unknown, api: Api) => {
    const [lane, from, to, at] = [api.value(0), api.value(1), api.value(2), api.value(3)];
    const [x0, yMiddle] = api.coord([from, lane]);
    const [x1] = api.coord([to, lane]);
    const height = Math.min(22, Math.max(2, api.size([0, 1])[1]! * 0.8));
    const end = timeline.end[at]!;
    const cut = ["failed", "lost", "cancelled"].includes(timeline.ends[end]!);
    const shape = { x: x0, y: yMiddle - height / 2, width: Math.max(1, x1 - x0), height };
    const style = { fill: colours[end], opacity: 0.9, stroke: cut ? paint.text : paint.page, lineWidth: shape.width < 4 ? 0 : cut ? 1 : 0.5, lineDash: cut ? [3, 2] : null };
    const name = { type: "text", silent: true, style: { x: shape.x + shape.width / 2, y: yMiddle, text: String(timeline.trial[at]), align: "center", verticalAlign: "middle", fontSize: 11, fill: dark ? "#14161a" : "#ffffff" } };
    const named = shape.width > 26 && height > 12;
    return { type: "group", children: [{ type: "rect", shape, style }, ...(named ? [name] : [])] };
  };
  const option = {
    ...base(),
    xAxis: valueAxis(paint, "minutes since the study began", { min: 0, max: "dataMax", scale: false }),
    yAxis: categoryAxis(paint, "", laid.labels, { inverse: true, axisTick: { show: false }, axisLabel: { color: paint.soft, interval: 0, width: 140, overflow: "truncate" } }),
    dataZoom: zoom({ x: 0 }),
    series: [{ id: "stretches", name: "stretches", type: "custom", renderItem, data, encode: { x: [1, 2], y: 0 }, clip: true }],
  };
  return { option, points: data.length, lanes: laid.labels.length };
}

interface Api {
  value(at: number): number;
  coord(point: [number, number]): [number, number];
  size(point: [number, number]): number[];
}
