// The report: one file, opened from the disk, with all the views and without a network; on paper too.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, open } from "./drive.mjs";
import { all, bytes } from "./studies.mjs";

const TEMPLATE = fileURLToPath(new URL("../../dist/report.html", import.meta.url));
let browser, folder;
beforeAll(async () => {
  browser = await launch();
  folder = mkdtempSync(join(tmpdir(), "tunesmith-report-"));
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** As the binary fills it. */
function write(one) {
  const data = JSON.stringify({ picture: { ...one.picture, id: null }, curves: one.picture.metrics.map((_, at) => bytes(one, at).toString("base64")) }).replaceAll("<", "\\u003c");
  const path = join(folder, `${one.id}.html`);
  writeFileSync(path, readFileSync(TEMPLATE, "utf8").replace("__TUNESMITH_DATA__", () => data));
  return `file://${path}`;
}

test("the template has one place for the data and is small", () => {
  expect(readFileSync(TEMPLATE, "utf8").split("__TUNESMITH_DATA__").length).toBe(2);
  expect(statSync(TEMPLATE).size).toBeLessThan(1_200_000);
});

for (const one of all().filter(({ id }) => id !== 3)) {
  test(`a report of "${one.name.slice(0, 20)}" shows its views by itself`, async () => {
    const page = await open(browser);
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(write(one));
    await page.waitForSelector("[data-view=trials]");
    await page.waitForTimeout(300);
    const views = await page.locator("[data-view]").evaluateAll((found) => found.map((view) => view.dataset.view));
    expect(views.includes("front")).toBe(one.picture.metrics.length > 1);
    expect(views.includes("lineage")).toBe(one.picture.lineage.length > 0);
    expect(views.length).toBeGreaterThanOrEqual(11);
    expect(await page.locator("[data-total]").getAttribute("data-total")).toBe(String(one.picture.trials.state.length));
    expect(await page.locator("[data-acts]").count()).toBe(0);
    if (one.picture.trials.reports.some((many) => many > 0)) expect(Number(await page.locator("[data-curves]").getAttribute("data-curves"))).toBeGreaterThan(0);
    expect(asked.filter((url) => !url.startsWith("file:") && !url.startsWith("data:"))).toEqual([]);
    expect(await page.evaluate(() => window.hurt)).toBeUndefined();
    expect(page.faults).toEqual([]);
    await page.context().close();
  });
}

test("on paper it is light and whole", async () => {
  const page = await open(browser, { colorScheme: "dark" });
  await page.goto(write(all()[0]));
  await page.waitForSelector("[data-view=trials]");
  const paper = await page.pdf({ format: "A4" });
  expect(paper.length).toBeGreaterThan(50_000);
  await page.emulateMedia({ media: "print" });
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(255, 255, 255)");
  expect(await page.locator(".controls").first().isVisible()).toBe(false);
  await page.context().close();
});

test("axe finds nothing serious in a report", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(browser, { colorScheme });
    await page.goto(write(all()[0]));
    await page.waitForSelector("[data-view=trials]");
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => `${id} ${nodes[0].html.slice(0, 120)}`)).toEqual([]);
    await page.context().close();
  }
});

test("an empty template says what it is", async () => {
  const page = await open(browser);
  await page.goto(`file://${TEMPLATE}`);
  await page.getByText("This page holds no study").waitFor();
  await page.context().close();
});
