// Every view of every made-up study, in light and dark, held against the data; axe on each.
import { AxeBuilder } from "@axe-core/playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, open, show, VIEWS, walk } from "./drive.mjs";
import { start } from "./server.mjs";
import { all } from "./studies.mjs";

let browser, server;
beforeAll(async () => {
  server = await start(all());
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

for (const made of all()) {
  test(`what is drawn of "${made.name.slice(0, 20)}" is what there is`, async () => {
    const page = await open(browser);
    expect(await walk(page, server.url, made.id, made.picture)).toEqual([]);
    expect(await page.evaluate(() => window.hurt)).toBeUndefined();
    await page.context().close();
  });
}

async function faults(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing serious in ${colorScheme}`, async () => {
    const page = await open(browser, { colorScheme });
    const links = ["#/", "#/compare?study=1&study=9", ...VIEWS.map((view) => `#/1/${view}`), "#/1/trial/7", "#/1/trial/99", "#/4", "#/4/parallel?brush=p:learning_rate~0.2~0.6", "#/5/front", "#/6/lineage", "#/7", "#/8", "#/99", "#/1/nonsense"];
    const found = [];
    for (const link of links) {
      await page.goto(server.url + link);
      await page.waitForSelector("[data-view], [data-empty]");
      await page.waitForTimeout(150);
      for (const fault of await faults(page)) found.push(`${link} ${fault}`);
    }
    await show(page, server.url, "#/1");
    for (const [key, wait] of [["?", "dialog"]]) {
      await page.keyboard.press(key);
      await page.waitForSelector(wait);
      found.push(...(await faults(page)));
      await page.keyboard.press("Escape");
    }
    for (const name of ["Enqueue a configuration…", "Edit the budget…"]) {
      await page.getByRole("button", { name }).click();
      await page.waitForSelector("dialog");
      found.push(...(await faults(page)));
      await page.keyboard.press("Escape");
    }
    expect(found).toEqual([]);
    await page.context().close();
  });
}

test("a narrow screen scrolls no page sideways", async () => {
  const page = await open(browser, { viewport: { width: 390, height: 800 } });
  for (const view of VIEWS) {
    await show(page, server.url, `#/1/${view}`);
    await page.waitForTimeout(150);
    expect([view, await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)]).toEqual([view, true]);
  }
  expect(page.faults).toEqual([]);
  await page.context().close();
});

test("the policy on scripts holds, and nothing is asked of anyone else", async () => {
  const page = await open(browser);
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url())));
  const response = await page.goto(server.url);
  expect(response.headers()["content-security-policy"]).toContain("default-src 'none'");
  await page.waitForSelector("[data-studies]");
  const blocked = await page.evaluate(() => {
    const element = document.createElement("script");
    element.textContent = "window.hurt = 3";
    document.body.append(element);
    return window.hurt === undefined;
  });
  expect(blocked).toBe(true);
  expect(asked.every(({ host }) => host === new URL(server.url).host)).toBe(true);
  await page.context().close();
});

test("the walk notices a picture that is not what is drawn", async () => {
  const page = await open(browser);
  const { picture, id } = server.state.studies[0];
  const other = structuredClone(picture);
  other.standing = "Another.";
  other.counts[4] += 1;
  other.trials.values[0][other.best] = 0.5;
  other.timeline.trial.push(1);
  other.history[0].trial.pop();
  const wrong = (await walk(page, server.url, id, other)).join("\n");
  for (const part of ["standing", "counts", "best value", "timeline", "history"]) expect(wrong).toContain(`study 1, ${part}`);
  await page.context().close();
});
