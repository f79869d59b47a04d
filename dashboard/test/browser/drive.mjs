// Drives a browser through the views of a study and holds what is drawn against the picture that the server gives.
import { chromium } from "playwright-core";

export const VIEWS = ["overview", "history", "curves", "parallel", "importance", "slice", "scatter", "heat", "contour", "front", "timeline", "lineage", "trials"];

export async function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
}

/** A page whose errors are kept in `page.faults`, those that a test expects taken out by `forgive`. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && page.faults.push(message.text()));
  page.on("pageerror", (error) => page.faults.push(String(error.stack ?? error)));
  return page;
}

export async function show(page, url, hash) {
  await page.goto(`${url}${hash}`);
  await page.waitForSelector("[data-view]");
}

const filled = (column) => column.filter((value) => value !== null).length;

/** How many points each view of a picture is to show; null where it is to say that there is nothing. */
export function expected(picture) {
  const values = picture.trials.values[0];
  const many = (index) => values.filter((value, n) => value !== null && picture.trials.params[index][n] !== null).length;
  const varied = picture.parameters.map((_, at) => at).filter((at) => new Set(picture.trials.params[at]).size > 1);
  const any = (count) => (count === 0 ? null : count);
  return {
    overview: any(picture.history[0].trial.length),
    history: any(picture.history[0].trial.length),
    slice: varied.length > 0 && filled(values) > 0 ? varied.map(many).sort((a, b) => a - b) : null,
    importance: "refusal" in picture.importance[0] ? null : picture.importance[0].parameters.length,
    front: picture.metrics.length < 2 ? null : any(values.filter((value, n) => value !== null && picture.trials.values[1][n] !== null).length),
    timeline: any(picture.timeline.trial.length),
    lineage: any(picture.lineage.length),
    parallel: varied.length + picture.metrics.length < 2 ? null : any(picture.trials.state.length),
    trials: any(picture.trials.state.length),
  };
}

/** Walks every view; gives what was wrong, in words. */
export async function walk(page, url, id, picture) {
  const wrong = [];
  const check = (what, found, wanted) => JSON.stringify(found) === JSON.stringify(wanted) || wrong.push(`study ${id}, ${what}: ${JSON.stringify(found)} is drawn, and ${JSON.stringify(wanted)} there`);
  const wanted = expected(picture);
  for (const view of VIEWS) {
    await show(page, url, `#/${id}/${view === "overview" ? "" : view}`);
    await page.waitForSelector(`[data-view="${view}"]`);
    if (view === "curves") await page.waitForFunction(() => document.querySelector(".curves, [data-empty]"));
    await page.waitForTimeout(120);
    const seen = await page.evaluate(look);
    if (wanted[view] === null) check(`${view} with nothing to draw`, seen.empty > 0 || (view === "importance" && seen.empty > 0), true);
    else if (view === "slice") check(view, seen.points.sort((a, b) => a - b), wanted.slice);
    else if (view === "parallel") check(view, seen.selected, wanted.parallel);
    else if (view === "trials") check(view, [seen.shown, seen.rows], [wanted.trials, wanted.trials]);
    else if (view in wanted) check(view, seen.points[0], wanted[view]);
    if (view === "curves" && picture.trials.reports.some((count) => count > 0)) check("curves", seen.curves > 0, true);
    if (view === "overview") overview(seen, picture, check);
  }
  return [...wrong, ...page.faults.splice(0)];
}

function look() {
  const numbers = (selector, key) => [...document.querySelectorAll(selector)].map((one) => Number(one.dataset[key]));
  const text = (selector) => document.querySelector(selector)?.textContent ?? null;
  return {
    empty: document.querySelectorAll("[data-empty]").length, points: numbers(".chart, table.importance", "points"), selected: numbers("[data-selected]", "selected")[0] ?? null, shown: numbers("[data-shown]", "shown")[0] ?? null,
    rows: numbers("[data-rows]", "rows")[0] ?? null, curves: numbers("[data-curves]", "curves")[0] ?? 0, standing: text("[data-standing]:not(.pulse)"), best: text("[data-best]"), total: numbers("[data-total]", "total")[0],
    counts: Object.fromEntries([...document.querySelectorAll("[data-count]")].map((one) => [one.dataset.count, Number(one.textContent.replaceAll(",", ""))])), verdict: [...document.querySelectorAll(".verdict li")].map((one) => one.textContent),
  };
}

function overview(seen, picture, check) {
  check("standing", seen.standing, picture.standing);
  check("verdict", seen.verdict, picture.verdict);
  check("total", seen.total, picture.counts.reduce((sum, one) => sum + one, 0));
  check("counts", seen.counts, Object.fromEntries(picture.states.map((state, at) => [state, picture.counts[at]]).filter(([, many]) => many > 0)));
  const best = picture.chosen ?? picture.best;
  if (picture.metrics.length === 1 && best !== null) {
    const value = picture.trials.values[0][best];
    check("best value", Math.abs(Number(seen.best) - value) <= Math.abs(value) * 5e-4, true);
  }
}
