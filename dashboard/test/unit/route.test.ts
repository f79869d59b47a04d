// Links: there and back, with any names.
import { expect, test } from "vitest";
import { format, parse, type Route } from "../../src/data/route";

test("links say where one is", () => {
  expect(parse("")).toEqual({ study: null, view: "studies", item: null, query: {} });
  expect(parse("#/3")).toEqual({ study: 3, view: "overview", item: null, query: {} });
  expect(parse("#/3/trial/17")).toEqual({ study: 3, view: "trial", item: "17", query: {} });
  expect(parse("#/1/history?metric=eval%2Facc&by=time")).toEqual({ study: 1, view: "history", item: null, query: { metric: ["eval/acc"], by: ["time"] } });
  expect(parse("#/compare?study=1&study=2")).toEqual({ study: null, view: "compare", item: null, query: { study: ["1", "2"] } });
});

test("whatever is not understood is the list", () => {
  for (const hash of ["#/x", "#/-1", "#/1e3", "#/%ff", "#/99999999999999999999"]) expect(parse(hash).view).toBe("studies");
});

test("there and back, with any names", () => {
  const name = `<b>"&?#/%~ é\n`;
  const routes: Route[] = [
    { study: 4, view: "parallel", item: null, query: { axis: [`p:${name}`, "m:x"], brush: [`p:${name}~0.1~0.2`] } },
    { study: 4, view: "overview", item: null, query: {} },
    { study: null, view: "compare", item: null, query: { study: ["1", "9"] } },
    { study: null, view: "studies", item: null, query: {} },
    { study: 4, view: "trial", item: "12", query: {} },
  ];
  for (const route of routes) expect(parse(format(route))).toEqual(route);
});

test("a query named like an object's own property does no harm", () => {
  expect(parse("#/1/trials?__proto__=1&constructor=2").study).toBe(1);
});
