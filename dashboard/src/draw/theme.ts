// The look of every chart: colours of text and lines by theme, and the plain axes that views start from.
import type { Axis } from "../data/axis";
import { number, short } from "../data/format";

export interface Ink {
  dark: boolean;
  text: string;
  soft: string;
  line: string;
  grid: string;
  page: string;
}

export function ink(dark: boolean): Ink {
  return dark
    ? { dark, text: "#e8eaee", soft: "#aab1bd", line: "#4a5160", grid: "#2a2f3a", page: "#171a21" }
    : { dark, text: "#1b1f27", soft: "#555d6b", line: "#b6bcc8", grid: "#e7e9ee", page: "#ffffff" };
}

export type Option = Record<string, unknown>;

export function base(): Option {
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: "system-ui, sans-serif", fontSize: 12 },
    grid: { left: 8, right: 20, top: 16, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "all" },
  };
}

function look(paint: Ink, name: string): Option {
  return {
    name: short(name, 32),
    nameLocation: "middle",
    nameTextStyle: { color: paint.soft, fontSize: 12 },
    axisLine: { show: true, lineStyle: { color: paint.line } },
    axisTick: { show: true, lineStyle: { color: paint.line } },
    axisLabel: { color: paint.soft, formatter: (value: unknown) => (typeof value === "number" ? number(value) : String(value)) },
    splitLine: { show: true, lineStyle: { color: paint.grid } },
  };
}

/** With `inner` the ends, which are no round values, have no label. */
export function valueAxis(paint: Ink, name: string, { inner, ...more }: Option = {}): Option {
  const plain = look(paint, name);
  const ends = inner ? { showMinLabel: false, showMaxLabel: false } : {};
  return { type: "value", scale: true, ...plain, axisLabel: { ...(plain.axisLabel as Option), ...ends, hideOverlap: true }, ...more };
}

export function logAxis(paint: Ink, name: string, more: Option = {}): Option {
  return { type: "log", ...look(paint, name), minorSplitLine: { show: false }, ...more };
}

export function categoryAxis(paint: Ink, name: string, labels: string[], more: Option = {}): Option {
  const plain = look(paint, name);
  const cut = { ...(plain.axisLabel as Option), formatter: (value: string) => short(value, 22), hideOverlap: true };
  return { type: "category", data: labels, ...plain, axisLabel: cut, splitLine: { show: false }, ...more };
}

/** An axis for places from 0 to 1, with the ticks of `axis` as labels: parameters of any kind alike. */
export function placeAxis(paint: Ink, axis: Axis, more: Option = {}): Option {
  const labels = new Map(axis.scale.ticks.map((tick) => [tick.at.toFixed(6), tick.label]));
  const ticks = axis.scale.ticks.map((tick) => tick.at);
  const plain = look(paint, axis.name);
  const formatter = (value: number) => short(labels.get(value.toFixed(6)) ?? "", 16);
  return {
    type: "value", min: 0, max: 1, ...plain,
    axisLabel: { color: paint.soft, customValues: ticks, formatter, hideOverlap: true },
    axisTick: { show: true, customValues: ticks, lineStyle: { color: paint.line } },
    splitLine: { show: false },
    ...more,
  };
}

/** Zoom with the wheel while a modifier is held, so that the page still scrolls; drag to move. */
export function zoom(axes: { x?: number; y?: number }): Option[] {
  const common = { type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: true, filterMode: "none" };
  const found: Option[] = [];
  if (axes.x !== undefined) found.push({ ...common, id: "x", xAxisIndex: axes.x });
  if (axes.y !== undefined) found.push({ ...common, id: "y", yAxisIndex: axes.y });
  return found;
}
