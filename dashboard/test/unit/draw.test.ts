// The rasteriser, and what lies nearest to the pointer.
import { expect, test } from "vitest";
import type { Curves } from "../../src/data/contract";
import { plain, table, viridis } from "../../src/draw/colour";
import { nearestCurve, px, py, type Field } from "../../src/draw/curves";
import { bestTenth, nearest, y, type Geometry } from "../../src/draw/parallel";
import { line, paint, raster, sampleOrder } from "../../src/draw/raster";

const sum = (weights: Float32Array) => weights.reduce((before, one) => before + one, 0);

test("a line's weight is one for each column, or each row where it is steep", () => {
  const flat = raster(40, 20);
  line(flat, 0, 3.5, 39, 12.25, 1);
  expect(sum(flat.weight)).toBeCloseTo(40, 4);
  const steep = raster(40, 20);
  line(steep, 4, 0, 9, 19, 0.5);
  expect(sum(steep.weight)).toBeCloseTo(20, 4);
  expect(sum(steep.carried)).toBeCloseTo(10, 4);
});

test("a line is the same from either end, and stays inside", () => {
  const one = raster(30, 30);
  const other = raster(30, 30);
  line(one, -10, -7, 50, 41, 1);
  line(other, 50, 41, -10, -7, 1);
  other.weight.forEach((weight, at) => expect(weight).toBeCloseTo(one.weight[at]!, 4));
  expect(sum(one.weight)).toBeLessThanOrEqual(30.001);
});

test("a line on the very edge is drawn", () => {
  const last = raster(10, 10);
  line(last, 0, 9, 9, 9, 1);
  expect(sum(last.weight)).toBe(10);
});

test("pixels take the colour of what their lines carry, denser ones are more opaque", () => {
  const into = raster(4, 1);
  for (let times = 0; times < 9; times += 1) line(into, 0, 0, 1, 0, 1);
  line(into, 3, 0, 3, 0, 0);
  const pixels = new Uint32Array(4);
  paint(pixels, [{ raster: into, colours: table(true), faint: 0.2 }]);
  expect(pixels[0]! >>> 24).toBe(255);
  expect(pixels[3]! >>> 24).toBeLessThan(200);
  expect(pixels[2]).toBe(0);
  expect(pixels[0]! & 0xffffff).toBe(table(true)[255]);
});

test("a layer above covers one below", () => {
  const below = raster(1, 1);
  const above = raster(1, 1);
  line(below, 0, 0, 0, 0, 0);
  line(above, 0, 0, 0, 0, 0);
  const pixels = new Uint32Array(1);
  paint(pixels, [{ raster: below, colours: plain("#ff0000"), faint: 1 }, { raster: above, colours: plain("#0000ff"), faint: 1 }]);
  expect(pixels[0]! & 0xffffff).toBe(0xff0000);
});

test("the order of drawing holds every trial once and is the same every time", () => {
  const order = sampleOrder(1000);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, at) => at));
  expect(sampleOrder(1000)).toEqual(order);
  const mean = order.slice(0, 100).reduce((before, one) => before + one, 0) / 100;
  expect(mean).toBeGreaterThan(400);
  expect(mean).toBeLessThan(600);
});

const geometry: Geometry = { width: 300, height: 120, ratio: 1, x: [50, 150, 250], top: 10, bottom: 90, none: 110 };
const lines = { columns: [Float32Array.of(0, 1), Float32Array.of(0, NaN), Float32Array.of(0, 1)], quality: Float32Array.of(0, 1) };

test("the nearest line among the selected", () => {
  expect(nearest(lines, geometry, Uint8Array.of(1, 1), 100, 90)).toBe(0);
  expect(nearest(lines, geometry, Uint8Array.of(1, 1), 52, 12)).toBe(1);
  expect(nearest(lines, geometry, Uint8Array.of(1, 0), 52, 12)).toBe(null);
  expect(nearest(lines, geometry, Uint8Array.of(1, 1), 5, 90)).toBe(null);
  expect(y(geometry, NaN)).toBe(110);
});

test("the best tenth, where there are enough to hide it", () => {
  const quality = Float32Array.from({ length: 200 }, (_, at) => at / 200);
  expect(bestTenth(sampleOrder(200), quality)).toBeCloseTo(0.9);
  expect(bestTenth(sampleOrder(20), quality)).toBe(Infinity);
});

test("the nearest curve, empty ones and hidden ones passed over", () => {
  const curves: Curves = { offset: Uint32Array.of(0, 2, 2, 4), step: Float32Array.of(0, 10, 0, 10), fraction: new Float32Array(4), value: Float32Array.of(0, 0, 1, 1) };
  const field: Field = { width: 100, height: 100, ratio: 1, x: [0, 10], y: [0, 1], log: false };
  expect(nearestCurve(curves, curves.step, Uint8Array.of(1, 1, 1), field, 50, 96)?.trial).toBe(0);
  expect(nearestCurve(curves, curves.step, Uint8Array.of(1, 1, 1), field, 50, 3)).toEqual({ trial: 2, at: 3 });
  expect(nearestCurve(curves, curves.step, Uint8Array.of(1, 1, 0), field, 50, 3)).toBe(null);
  expect([px(field, 5), py(field, 1)]).toEqual([50, 0]);
});

test("the best stands out from the page: dark on light, light on dark", () => {
  const bright = (colour: number[]) => colour.reduce((before, one) => before + one, 0);
  expect(bright(viridis(1, true))).toBeGreaterThan(bright(viridis(0, true)));
  expect(bright(viridis(1, false))).toBeLessThan(bright(viridis(0, false)));
});
