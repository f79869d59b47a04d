// What a reader does: brush, move axes, sort, find, follow links by keys, act, give a token, lose the server.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { launch, open, show } from "./drive.mjs";
import { start } from "./server.mjs";
import { all, study } from "./studies.mjs";

let browser, server;
beforeAll(async () => {
  server = await start(all());
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});
const selected = (page) => page.locator("[data-selected]").getAttribute("data-selected").then(Number);
const inRange = (picture, low, high) => {
  const [from, to] = [Math.log(1e-6), Math.log(1e-3)];
  return picture.trials.params[0].filter((value) => { const place = (Math.log(value) - from) / (to - from); return place >= low && place <= high; }).length;
};

test("a brush by pointer selects what lies in it, stays in the link, and can be taken away", async () => {
  const page = await open(browser);
  const { picture } = server.state.studies[0];
  await show(page, server.url, "#/1/parallel");
  const axis = await page.locator('[data-axis="p:learning_rate"] .axis').boundingBox();
  await page.mouse.move(axis.x, axis.y + axis.height * 0.3);
  await page.mouse.down();
  await page.mouse.move(axis.x, axis.y + axis.height * 0.5, { steps: 4 });
  await page.mouse.move(axis.x, axis.y + axis.height * 0.7, { steps: 4 });
  await page.mouse.up();
  const brush = new URLSearchParams(page.url().split("?")[1]).get("brush").split("~");
  expect(Number(brush[1])).toBeCloseTo(0.3, 1);
  expect(Number(brush[2])).toBeCloseTo(0.7, 1);
  const many = await selected(page);
  expect(Math.abs(many - inRange(picture, Number(brush[1]), Number(brush[2])))).toBeLessThanOrEqual(0);
  expect(Number(await page.locator("[data-rows]").getAttribute("data-rows"))).toBe(many);
  await page.reload();
  await page.waitForSelector("[data-selected]");
  expect(await selected(page)).toBe(many);
  await page.getByRole("button", { name: "Clear brushes" }).click();
  expect(await selected(page)).toBe(100);
  expect(page.faults).toEqual([]);
  await page.context().close();
});

test("a brush by keyboard, and axes moved by keyboard and by dragging", async () => {
  const page = await open(browser);
  await show(page, server.url, "#/1/parallel");
  await page.getByRole("slider", { name: "learning_rate: highest selected" }).focus();
  for (let times = 0; times < 5; times += 1) await page.keyboard.press("PageDown");
  expect(await selected(page)).toBe(inRange(server.state.studies[0].picture, 0, 0.5));
  await page.keyboard.press("Delete");
  expect(await selected(page)).toBe(100);
  const names = () => page.locator(".axis-name").evaluateAll((found) => found.map((one) => one.dataset.name));
  const before = await names();
  await page.locator(".axis-name").first().focus();
  await page.keyboard.press("ArrowRight");
  expect((await names()).slice(0, 2)).toEqual([before[1], before[0]]);
  const from = await page.locator(".axis-name").nth(0).boundingBox();
  const to = await page.locator(".axis-name").nth(3).boundingBox();
  await page.mouse.move(from.x + from.width / 2, from.y + 8);
  await page.mouse.down();
  await page.mouse.move(to.x + to.width / 2, to.y + 8, { steps: 5 });
  await page.mouse.up();
  expect((await names())[3]).toBe(before[1]);
  const held = await names();
  await page.reload();
  await page.waitForSelector(".axis-name");
  expect(await names()).toEqual(held);
  expect(page.faults).toEqual([]);
  await page.context().close();
});

test("an axis changes its scale and leaves", async () => {
  const page = await open(browser);
  await show(page, server.url, "#/1/parallel");
  await page.getByText("Axes", { exact: true }).click();
  await page.getByLabel("learning_rate: logarithmic").click();
  expect(page.url()).toContain("flip=");
  await page.locator(".menu-row", { hasText: "weight_decay" }).locator("input").first().click();
  expect(await page.locator(".axis-name").allTextContents()).not.toContain("weight_decay");
  await page.context().close();
});

test("a curve under the pointer tells its trial, and a click opens it", async () => {
  const page = await open(browser);
  await show(page, server.url, "#/1/curves?by=fraction");
  await page.waitForSelector(".curves[data-done=true]");
  const box = await page.locator(".curves canvas").boundingBox();
  const picture = server.state.studies[0].picture;
  const best = await page.locator(".best-curve").getAttribute("points");
  const [x, y] = best.split(" ")[10].split(",").map(Number);
  const plot = await page.locator(".curves").boundingBox();
  expect(box.width).toBeGreaterThan(600);
  await page.mouse.move(plot.x + x, plot.y + y);
  await page.waitForSelector(".tip");
  const trial = Number((await page.locator(".tip strong").textContent()).replace("trial ", ""));
  expect(Math.abs(picture.trials.values[0][trial] - picture.trials.values[0][picture.best])).toBeLessThan(0.03);
  await page.mouse.down();
  await page.mouse.up();
  await page.waitForSelector(`[data-view=trial] h2:has-text("Trial ${trial}")`);
  await page.waitForSelector("[data-value]");
  expect(Number(await page.locator("[data-value]").textContent())).toBeCloseTo(picture.trials.values[0][trial], 3);
  expect(page.faults).toEqual([]);
  await page.context().close();
});

test("ten thousand trials in the table: few rows in the page, sorted, found, scrolled to the end", async () => {
  const page = await open(browser);
  const { picture } = server.state.studies[2];
  await show(page, server.url, "#/3/trials");
  expect(await page.locator("tr[data-trial]").count()).toBeLessThan(60);
  await page.getByRole("button", { name: "eval_accuracy" }).click();
  await page.getByRole("button", { name: "eval_accuracy" }).click();
  expect(page.url()).toContain("down=1");
  const top = picture.trials.values[0].map((value, n) => [value, n]).sort((a, b) => b[0] - a[0] || a[1] - b[1])[0][1];
  expect(Number(await page.locator("tr[data-trial]").first().getAttribute("data-trial"))).toBe(top);
  await page.locator(".table-box").focus();
  await page.keyboard.press("End");
  await page.waitForFunction(() => [...document.querySelectorAll("tr[data-trial]")].at(-1).getAttribute("aria-rowindex") === "10001");
  await page.keyboard.press("/");
  await page.waitForFunction(() => document.activeElement?.getAttribute("type") === "search");
  await page.keyboard.type("learning_rate<2e-6 state=pruned");
  const wanted = picture.trials.params[0].filter((value, n) => value < 2e-6 && picture.trials.state[n] === 4).length;
  await page.waitForFunction((many) => document.querySelector("[data-shown]")?.dataset.shown === String(many), wanted);
  expect(page.faults).toEqual([]);
  await page.context().close();
});

test("keys lead to the views, the help opens, the theme turns, the skip link leads to the content", async () => {
  const page = await open(browser);
  await show(page, server.url, "#/1");
  for (const [keys, view] of [["2", "history"], ["gp", "parallel"], ["gf", "front"], ["0", "trials"], ["go", "overview"]]) {
    for (const key of keys) await page.keyboard.press(key);
    await page.waitForSelector(`[data-view=${view}]`);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe(`view-${view}`);
  }
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  expect(await theme()).toBe("light");
  await page.keyboard.press("d");
  expect(await theme()).toBe("dark");
  await page.reload();
  await page.waitForSelector("[data-view]");
  expect(await theme()).toBe("dark");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.className)).toBe("skip");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
  expect(page.faults).toEqual([]);
  await page.context().close();
});

test("acts: pause and go on, enqueue, a budget, cancel", async () => {
  const page = await open(browser);
  page.on("dialog", (dialog) => dialog.accept());
  const { commands, studies } = server.state;
  commands.length = 0;
  await show(page, server.url, "#/1");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.getByRole("button", { name: "Enqueue" }).click();
  await page.getByLabel("learning_rate").fill("5");
  await page.getByRole("button", { name: "Enqueue", exact: true }).click();
  expect(await page.getByRole("alert").textContent()).toBe("learning_rate is at most 0.001");
  await page.getByLabel("learning_rate").fill("3e-5");
  await page.getByLabel("per_device_train_batch_size").selectOption({ label: "16" });
  await page.getByRole("button", { name: "Enqueue", exact: true }).click();
  await page.waitForSelector("dialog", { state: "detached" });
  await page.getByRole("button", { name: "Edit the budget" }).click();
  await page.getByRole("textbox", { name: /^trials/ }).fill("250");
  await page.getByRole("button", { name: "Change" }).click();
  await page.waitForSelector("dialog", { state: "detached" });
  const running = studies[0].picture.trials.state.indexOf(1);
  await show(page, server.url, `#/1/trial/${running}`);
  await page.getByRole("button", { name: "Cancel trial" }).click();
  await page.getByText("Cancelled.").waitFor();
  const best = studies[0].picture.best;
  const enqueued = commands.find((one) => one.command === "enqueue").params;
  expect(commands.map((one) => one.command)).toEqual(["pause", "resume", "enqueue", "budget", "cancel"]);
  expect(enqueued).toMatchObject({ learning_rate: 3e-5, per_device_train_batch_size: 16, num_train_epochs: studies[0].picture.trials.params[2][best] });
  expect(commands[3]).toMatchObject({ trials: 250 });
  expect(commands[4].trial).toBe(running);
  expect(page.faults).toEqual([]);
  await page.context().close();
});

test("events renew the picture, at most once a second", async () => {
  const page = await open(browser);
  await show(page, server.url, "#/1");
  await page.waitForTimeout(1200);
  const before = server.state.asked.filter((path) => path.includes("/studies/1/picture")).length;
  server.state.studies[0].picture.standing = "It has moved on.";
  for (let times = 0; times < 60; times += 1) {
    server.event(1);
    await page.waitForTimeout(40);
  }
  await page.waitForTimeout(1200);
  const renewed = server.state.asked.filter((path) => path.includes("/studies/1/picture")).length - before;
  expect(renewed).toBeGreaterThanOrEqual(2);
  expect(renewed).toBeLessThanOrEqual(5);
  expect(await page.locator("[data-standing]:not(.pulse)").textContent()).toBe("It has moved on.");
  await page.context().close();
});

test("a server that goes away is said to be gone, and found again", async () => {
  let other = await start([study(1, "rte", 30)]);
  const { port } = other;
  const page = await open(browser);
  await show(page, other.url, "#/1");
  await page.waitForSelector(".pulse.live");
  await other.close();
  await page.waitForSelector(".banner:has-text('The server is gone')", { timeout: 20000 });
  expect(await page.locator("[data-best]").count()).toBe(1);
  other = await start([study(1, "rte", 40)], { port });
  other.state.studies[0].picture.revision = 5000;
  await page.waitForSelector(".pulse.live", { timeout: 30000 });
  await page.waitForSelector("[data-total='40']");
  expect(await page.locator(".banner").count()).toBe(0);
  await page.context().close();
  await other.close();
});

test("tokens: asked for, wrong ones refused, readers act on nothing, and a closed tab has forgotten", async () => {
  const guarded = await start([study(1, "rte", 30, { running: true })], { tokens: { reader: "read", writer: "write" } });
  const page = await open(browser);
  await page.goto(`${guarded.url}#/1/history`);
  await page.getByLabel("Token").fill("nonsense");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("The server does not know this token.").waitFor();
  await page.getByLabel("Token").fill("reader");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.waitForSelector("[data-view=history]");
  await page.goto(`${guarded.url}#/1`);
  await page.waitForSelector("[data-view=overview]");
  expect(await page.locator("[data-acts]").count()).toBe(0);
  await page.getByRole("button", { name: "may read · leave" }).click();
  await page.getByLabel("Token").fill("writer");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.waitForSelector("[data-acts]");
  expect(await page.evaluate(() => [sessionStorage.getItem("tunesmith-token"), JSON.stringify(localStorage).includes("writer"), document.cookie])).toEqual(["writer", false, ""]);
  await page.context().close();
  await guarded.close();
});

test("a point under the pointer tells its trial, among a hundred and among ten thousand", async () => {
  const page = await open(browser);
  for (const id of [1, 3]) {
    await show(page, server.url, `#/${id}/scatter`);
    await page.waitForTimeout(900);
    const box = await page.locator(".chart canvas").boundingBox();
    let found = null;
    for (let at = 0; at < 400 && !found; at += 1) {
      await page.mouse.move(box.x + box.width * (0.2 + 0.0055 * (at % 100)), box.y + box.height * (0.3 + 0.04 * Math.floor(at / 100)));
      found = (await page.locator(".tip strong").count()) > 0 ? await page.locator(".tip strong").textContent() : null;
    }
    expect(found).toMatch(/^trial \d+$/);
    await page.mouse.down();
    await page.mouse.up();
    await page.waitForSelector(`[data-view=trial] h2:has-text("${found.replace("trial", "Trial")}")`);
  }
  expect(page.faults).toEqual([]);
});

test("curves follow the last event, not only the first", async () => {
  const page = await open(browser);
  await show(page, server.url, "#/9/curves");
  await page.waitForSelector(".curves[data-done=true]");
  const one = server.state.studies.find(({ id }) => id === 9);
  const before = Number(await page.locator(".curves").getAttribute("data-points"));
  server.event(9);
  await page.waitForTimeout(300);
  one.curves[0][0].push([5000, 1, 0.9]);
  server.event(9);
  await page.waitForFunction((many) => Number(document.querySelector(".curves").dataset.points) === many + 1, before, { timeout: 8000 });
  expect(page.faults).toEqual([]);
});
