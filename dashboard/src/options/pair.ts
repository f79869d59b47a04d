// Two parameters and a metric: as points, as mean per cell, as a field around what was measured.
import { quality, type Axis } from "../data/axis";
import type { Picture } from "../data/contract";
import { number, short } from "../data/format";
import { cells, divisions, field, type Cells } from "../data/grid";
import { css, ramp, viridis } from "../draw/colour";
import { base, categoryAxis, ink, placeAxis, type Ink, type Option } from "../draw/theme";

export type Kind = "scatter" | "heat" | "contour";
const BUCKETS = 12;

export function pairOption(picture: Picture, x: Axis, y: Axis, metric: number, kind: Kind, dark: boolean): { option: Option; points: number } {
  if (kind === "scatter") return scatter(picture, x, y, metric, dark);
  return kind === "heat" ? heat(picture, x, y, metric, dark) : contour(picture, x, y, metric, dark);
}

/** Points in twelve colours by quality, the best above the others; large sets in the fast mode. */
function buckets(picture: Picture, x: Axis, y: Axis, metric: number, dark: boolean, size: number): { series: Option[]; points: number } {
  const good = quality(picture, metric);
  const groups = Array.from({ length: BUCKETS }, (): [number, number, number][] => []);
  let points = 0;
  good.forEach((share, n) => {
    const [px, py] = [spread(x, n, 1), spread(y, n, 2)];
    if (Number.isNaN(share) || Number.isNaN(px) || Number.isNaN(py)) return;
    groups[Math.min(BUCKETS - 1, Math.floor(share * BUCKETS))]!.push([px, py, n]);
    points += 1;
  });
  const series = groups.map((data, at) => ({
    id: `quality:${at}`, name: "trials", type: "scatter", data, large: data.length > 1500, largeThreshold: 1500, z: 2 + at / BUCKETS,
    symbolSize: size, itemStyle: { color: css(viridis(at / (BUCKETS - 1), dark)), opacity: 0.85 },
  }));
  return { series, points };
}

function spread(axis: Axis, n: number, salt: number): number {
  if (axis.scale.kind !== "category") return axis.places[n]!;
  return axis.places[n]! + ((Math.imul(n + salt, 2654435761) >>> 8) / 0x1000000 - 0.5) * (0.55 / axis.scale.ticks.length);
}

function scatter(picture: Picture, x: Axis, y: Axis, metric: number, dark: boolean) {
  const paint = ink(dark);
  const { series, points } = buckets(picture, x, y, metric, dark, picture.trials.state.length > 2000 ? 4 : 9);
  return { option: { ...base(), xAxis: placeAxis(paint, x), yAxis: placeAxis(paint, y), series }, points };
}

function visual(found: Cells, goal: string, paint: Ink): Option {
  const means = Array.from(found.mean).filter((mean) => !Number.isNaN(mean)).sort((a, b) => a - b);
  const trim = Math.floor(means.length * 0.05);
  const low = means[trim] ?? 0;
  const high = means[means.length - 1 - trim] ?? 1;
  const colours = ramp(paint.dark);
  return {
    type: "continuous", min: low, max: high === low ? low + 1e-9 : high, dimension: 2, seriesIndex: 0, calculable: false, orient: "vertical", right: 4, top: "middle", itemHeight: 180, itemWidth: 12,
    inRange: { color: goal === "maximize" ? colours : colours.slice().reverse() },
    text: [number(high), number(low)], textStyle: { color: paint.soft },
  };
}

/** Whether dark text reads better than light on a colour of the ramp. */
function light(share: number, dark: boolean): boolean {
  const [red, green, blue] = viridis(share, dark);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 125;
}

const data = (found: Cells) =>
  Array.from(found.mean, (mean, cell): [number, number, number, number] => [cell % found.across, Math.floor(cell / found.across), mean, found.count[cell]!]).filter((cell) => !Number.isNaN(cell[2]));

/** A name for each cell of an axis: the choice, or where the cell begins and ends. */
export function cellNames(axis: Axis, many: number): string[] {
  if (axis.scale.kind === "category") return axis.scale.ticks.map((tick) => tick.label);
  const rough = (place: number) => {
    const value = axis.scale.value(place);
    return typeof value === "number" ? number(Number(value.toPrecision(2))) : String(value);
  };
  return Array.from({ length: many }, (_, at) => `${rough(at / many)} – ${rough((at + 1) / many)}`);
}

function heat(picture: Picture, x: Axis, y: Axis, metric: number, dark: boolean) {
  const paint = ink(dark);
  const found = cells(x, y, picture.trials.values[metric]!, 10);
  const wide = found.across <= 12 && found.up <= 14;
  const filled = data(found);
  const seen = visual(found, picture.metrics[metric]!.goal, paint) as { min: number; max: number };
  const worth = (mean: number) => Math.min(1, Math.max(0, (mean - seen.min) / (seen.max - seen.min)));
  const share = (mean: number) => (picture.metrics[metric]!.goal === "maximize" ? worth(mean) : 1 - worth(mean));
  const cellsWithInk = filled.map((cell) => ({ value: cell, label: { color: light(share(cell[2]), dark) ? "#14161a" : "#ffffff" } }));
  const option = {
    ...base(),
    grid: { ...(base().grid as Option), right: 84 },
    xAxis: categoryAxis(paint, x.name, cellNames(x, found.across), { splitArea: { show: false } }),
    yAxis: categoryAxis(paint, y.name, cellNames(y, found.up)),
    visualMap: seen,
    series: [{
      id: "cells", name: "mean", type: "heatmap", data: cellsWithInk, itemStyle: { borderColor: paint.page, borderWidth: 2 },
      label: { show: wide, fontSize: 11, lineHeight: 13, formatter: ({ value: cell }: { value: number[] }) => `${number(Number(cell[2]!.toPrecision(3)))}\n×${cell[3]}` },
    }],
  };
  return { option, points: filled.reduce((sum, cell) => sum + cell[3], 0) };
}

function contour(picture: Picture, x: Axis, y: Axis, metric: number, dark: boolean) {
  const paint = ink(dark);
  const found = field(x, y, picture.trials.values[metric]!);
  const { series, points } = buckets(picture, x, y, metric, dark, picture.trials.state.length > 1000 ? 2 : 5);
  const hidden = (many: number): Option => ({ type: "category", show: false, data: Array.from({ length: many }, (_, at) => String(at)) });
  const above = series.map((one) => ({ ...one, xAxisIndex: 1, yAxisIndex: 1, itemStyle: { color: paint.text, opacity: picture.trials.state.length > 1000 ? 0.25 : 0.8, borderColor: paint.page, borderWidth: picture.trials.state.length > 1000 ? 0 : 1 } }));
  const option = {
    ...base(),
    grid: { ...(base().grid as Option), right: 84 },
    xAxis: [hidden(divisions(x, 48)), placeAxis(paint, x, { position: "bottom" })],
    yAxis: [hidden(divisions(y, 48)), placeAxis(paint, y, { position: "left" })],
    visualMap: visual(found, picture.metrics[metric]!.goal, paint),
    series: [{ id: "field", name: "nearby mean", type: "heatmap", data: data(found), progressive: 0, itemStyle: { borderWidth: 0 } }, ...above],
  };
  return { option, points };
}

export function cellLine(x: Axis, y: Axis, cell: [number, number, number, number], kind: Kind): [string, string][] {
  const across = divisions(x, kind === "heat" ? 10 : 48);
  const up = divisions(y, kind === "heat" ? 10 : 48);
  return [
    [short(x.name, 30), cellNames(x, across)[cell[0]] ?? ""],
    [short(y.name, 30), cellNames(y, up)[cell[1]] ?? ""],
    ["mean", number(cell[2])],
    [kind === "heat" ? "trials" : "trials nearby", String(cell[3])],
  ];
}
