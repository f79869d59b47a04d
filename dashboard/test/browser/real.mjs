// The same walk against a real `tunesmith ui`: npm run test:real -- http://127.0.0.1:8766/ [token]. Every study that
// the server has is looked at in every view and held against its own picture; the policy on scripts must be there.
import { launch, open, walk } from "./drive.mjs";

const url = (process.argv[2] ?? process.env.TUNESMITH_UI ?? "").replace(/\/*$/, "/");
const token = process.argv[3] ?? process.env.TUNESMITH_TOKEN ?? null;
if (url === "/") {
  console.error("say where the dashboard is: npm run test:real -- http://127.0.0.1:8766/");
  process.exit(2);
}
const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
const ask = async (path) => {
  const response = await fetch(`${url}api/v1/${path}`, { headers });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
};
const KEYS = ["format", "id", "name", "method", "scheduler", "revision", "created_at", "now", "paused", "finished", "standing", "verdict", "metrics", "parameters", "states", "counts", "trials", "best", "front", "chosen", "history", "importance", "timeline", "lineage", "cost", "budget", "commands"];

/** What of the contract the picture itself breaks. */
function broken(picture) {
  const many = picture.trials.state.length;
  const missing = KEYS.filter((key) => !(key in picture)).map((key) => `the picture has no ${key}`);
  const columns = [...picture.trials.params, ...picture.trials.values, picture.trials.seed, picture.trials.reports, picture.trials.step].filter((column) => column.length !== many).map((column) => `a column has ${column.length} entries for ${many} trials`);
  const sum = picture.counts.reduce((total, one) => total + one, 0);
  return [...missing, ...columns, ...(sum === many ? [] : [`the counts add up to ${sum}, and there are ${many} trials`])];
}

const browser = await launch();
const wrong = [];
const page = await open(browser);
if (token !== null) await page.addInitScript((text) => sessionStorage.setItem("tunesmith-token", text), token);
const response = await page.goto(url);
if (!(response.headers()["content-security-policy"] ?? "").includes("default-src 'none'")) wrong.push("the page has no policy on scripts");
const { studies } = await ask("studies");
for (const { id, name } of studies) {
  const picture = await ask(`studies/${id}/picture`);
  wrong.push(...broken(picture).map((fault) => `study ${id}: ${fault}`), ...(await walk(page, url, id, picture)));
  for (let trial = 0; trial < Math.min(3, picture.trials.state.length); trial += 1) {
    await page.goto(`${url}#/${id}/trial/${trial}`);
    await page.waitForSelector("[data-view=trial] .state, [data-view=trial] [data-empty]");
    if ((await page.locator("[data-view=trial] h3:has-text('Parameters')").count()) === 0) wrong.push(`study ${id}: the page of trial ${trial} does not show`);
  }
  wrong.push(...page.faults.splice(0));
  console.log(`${name}: ${picture.trials.state.length} trials looked at`);
}
await browser.close();
for (const fault of wrong) console.error(fault);
console.log(wrong.length === 0 ? `${studies.length} studies are drawn as they are` : `${wrong.length} faults`);
process.exit(wrong.length === 0 && studies.length > 0 ? 0 : 1);
