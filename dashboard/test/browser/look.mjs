// Takes pictures of every view, light and dark, into test/browser/shots (git-ignored), to be looked at by people.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { start } from "./server.mjs";
import { all } from "./studies.mjs";

const VIEWS = ["overview", "history", "curves", "parallel", "importance", "slice", "scatter", "heat", "contour", "timeline", "trials", "trial/7"];
const shots = new URL("shots/", import.meta.url).pathname;
mkdirSync(shots, { recursive: true });
const only = process.argv.slice(2);
const server = await start(all());
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const scheme of ["light", "dark"]) {
  const page = await browser.newPage({ viewport: { width: 1360, height: 860 }, colorScheme: scheme });
  page.on("console", (message) => message.type() === "error" && console.log(scheme, message.text()));
  page.on("pageerror", (error) => console.log(scheme, error.stack));
  const links = [["studies", "#/"], ["compare", "#/compare?study=1&study=9"], ...VIEWS.map((view) => [`s1-${view.replace("/", "-")}`, `#/1/${view}`]), ["s3-parallel", "#/3/parallel"], ["s3-brushed", "#/3/parallel?brush=p:learning_rate~0.4~0.7"], ["s3-curves", "#/3/curves"], ["s3-heat", "#/3/heat"], ["s3-contour", "#/3/contour"], ["s3-history", "#/3/history"], ["s3-scatter", "#/3/scatter"], ["s3-timeline", "#/3/timeline"], ["s3-slice", "#/3/slice"], ["s4-overview", "#/4"], ["s4-parallel", "#/4/parallel"], ["s5-front", "#/5/front"], ["s5-overview", "#/5"], ["s6-lineage", "#/6/lineage"], ["s7-overview", "#/7"], ["s8-overview", "#/8"], ["s2-history", "#/2/history"]];
  for (const [name, hash] of links) {
    if (only.length > 0 && !only.some((part) => name.includes(part))) continue;
    await page.goto(server.url + hash);
    await page.waitForTimeout(name.startsWith("s3") ? 1800 : 500);
    await page.screenshot({ path: `${shots}${name}-${scheme}.png`, fullPage: true });
  }
  await page.close();
}
await browser.close();
await server.close();
