// The curves' bytes: read back, thinned, refused.
import { expect, test } from "vitest";
import { BadCurves, decode, fromBase64, range, thin } from "../../src/data/curves";
// @ts-expect-error made-up studies are plain JavaScript
import { bytes, study } from "../browser/studies.mjs";

const one = study(1, "x", 20);
const buffer = (most?: number): ArrayBuffer => new Uint8Array(bytes(one, 0, most)).buffer;

test("what the contract's bytes hold is read back", () => {
  const curves = decode(buffer());
  expect(curves.offset.length).toBe(21);
  expect(curves.revision).toBe(one.picture.revision);
  one.curves[0].forEach((curve: number[][], trial: number) => {
    expect(curves.offset[trial + 1]! - curves.offset[trial]!).toBe(curve.length);
    curve.forEach(([step, fraction, value], at) => {
      const point = curves.offset[trial]! + at;
      expect([curves.step[point], curves.fraction[point], curves.value[point]]).toEqual([step, Math.fround(fraction!), Math.fround(value!)]);
    });
  });
});

test("thinned curves keep each one's first and last point", () => {
  const curves = decode(buffer(60));
  one.curves[0].forEach((curve: number[][], trial: number) => {
    if (curve.length === 0) return;
    expect(curves.step[curves.offset[trial]!]).toBe(curve[0]![0]);
    expect(curves.step[curves.offset[trial + 1]! - 1]).toBe(curve.at(-1)![0]);
  });
});

test("bytes that do not add up are refused", () => {
  expect(() => decode(new ArrayBuffer(4))).toThrow(BadCurves);
  expect(() => decode(buffer().slice(0, -4))).toThrow(/bytes and should have/);
  const magic = buffer();
  new Uint32Array(magic)[0] = 7;
  expect(() => decode(magic)).toThrow(/no curves/);
  const backwards = buffer();
  new Uint32Array(backwards)[5] = 5000;
  expect(() => decode(backwards)).toThrow(/backwards/);
  const ends = buffer();
  new Uint32Array(ends)[4] = 1;
  expect(() => decode(ends)).toThrow(/do not add up/);
});

test("base64, as in a report", () => {
  const text = Buffer.from(bytes(one, 0)).toString("base64");
  expect(new Uint8Array(fromBase64(text))).toEqual(new Uint8Array(buffer()));
});

test("thinning is even and keeps the ends", () => {
  expect(thin(10, 15, 9)).toEqual([10, 11, 12, 13, 14]);
  expect(thin(0, 101, 5)).toEqual([0, 25, 50, 75, 100]);
  expect(thin(4, 9, 1)).toEqual([8]);
  expect(thin(4, 4, 3)).toEqual([]);
  expect(thin(4, 4, 1)).toEqual([]);
});

test("ranges leave out what is not finite", () => {
  expect(range([3, NaN, 1, Infinity])).toEqual([1, 3]);
  expect(range([NaN])).toBe(null);
  expect(range([0, 1, 2, 3, 4, 5, 6, 7, 8, 1000], 0.1)).toEqual([1, 8]);
});
