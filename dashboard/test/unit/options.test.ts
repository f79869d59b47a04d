// What charts are given, held against the picture.
import { expect, test } from "vitest";
import { axes } from "../../src/data/axis";
import { across, historyOption, stairs } from "../../src/options/history";
import { descent, lineageOption, schedule } from "../../src/options/lineage";
import { pairOption } from "../../src/options/pair";
import { frontOption, sliceOption } from "../../src/options/slice";
import { lanes, timelineOption } from "../../src/options/timeline";
// @ts-expect-error made-up studies are plain JavaScript
import { study } from "../browser/studies.mjs";

const { picture } = study(1, "x", 100);
const several = study(2, "y", 80, { several: true }).picture;
const population = study(3, "z", 16, { population: true }).picture;
type Series = { id: string; data: unknown[] }[];
const points = (series: Series, prefix: string) => series.filter((one) => one.id.startsWith(prefix)).flatMap((one) => one.data as number[][]);

test("the history has each ended trial once, at its value", () => {
  const option = historyOption(picture, 0, "trials", false, false, true);
  const found = points(option.series as Series, "state:");
  expect(found.length).toBe(picture.history[0].trial.length);
  for (const [x, y, trial] of found) {
    expect(picture.history[0].trial[x! - 1]).toBe(trial);
    expect(picture.trials.values[0][trial!]).toBe(y);
  }
});

test("stairs change height where the best does and reach the end", () => {
  expect(stairs([1, 2, 3, 4], [5, 5, 7, 7])).toEqual([[1, 5], [3, 5], [3, 7], [4, 7]]);
  expect(stairs([1], [5])).toEqual([[1, 5]]);
});

test("device time only grows", () => {
  const x = across(picture, picture.history[0], "device");
  for (let at = 1; at < x.length; at += 1) expect(x[at]).toBeGreaterThan(x[at - 1]!);
});

test("a slice, a pair and a front show what has values", () => {
  const all = axes(picture);
  const valued = picture.trials.values[0].filter((value: number | null) => value !== null).length;
  expect(sliceOption(picture, all[0]!, 0, false, false).points).toBe(valued);
  for (const kind of ["scatter", "heat", "contour"] as const) expect(pairOption(picture, all[0]!, all[1]!, 0, kind, false).points).toBe(valued);
  const { option, points: many } = frontOption(several, 0, 1, [false, false], false);
  expect(many).toBe(80);
  expect(points(option.series as Series, "front").map(([, , n]) => n).sort()).toEqual([...several.front].sort());
});

test("no two stretches of a lane overlap", () => {
  const { timeline, now } = picture;
  const crowded = { ...timeline, worker: timeline.worker.map((one: number) => one % 2) };
  const laid = lanes(crowded, now);
  const byLane = new Map<number, [number, number][]>();
  laid.lane.forEach((lane, at) => byLane.set(lane, [...(byLane.get(lane) ?? []), [timeline.from[at], timeline.to[at] ?? now]]));
  for (const stretches of byLane.values()) {
    stretches.sort((a, b) => a[0] - b[0]);
    for (let at = 1; at < stretches.length; at += 1) expect(stretches[at]![0]).toBeGreaterThanOrEqual(stretches[at - 1]![1]);
  }
  expect(timelineOption(picture, false).points).toBe(timeline.trial.length);
});

test("a lineage: each takeover drawn, a descent that goes back from holder to holder, a schedule through its changes", () => {
  const { option } = lineageOption(population, "fraction", true);
  expect(points(option.series as Series, "takeovers").length).toBe(population.lineage.length);
  const last = population.lineage.at(-1)!;
  const came = descent(population.lineage, last.trial);
  expect(came[0]).toBe(last);
  for (let at = 1; at < came.length; at += 1) expect(came[at]!.trial).toBe(came[at - 1]!.from);
  const changes = population.lineage.filter((one: { trial: number }) => one.trial === last.trial);
  const steps = schedule(population, last.trial, "learning_rate", "fraction");
  expect(steps[0]).toEqual([0, changes[0].changed[0].before]);
  expect(steps.slice(1, -1).map(([, value]) => value)).toEqual(changes.map((one: { changed: { after: number }[] }) => one.changed[0]!.after));
});
