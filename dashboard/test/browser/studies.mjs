// Studies made up for the tests, the same every time: sizes, several metrics, hostile names, a population, failures.
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export const STATES = ["queued", "running", "paused", "completed", "pruned", "failed", "cancelled"];
const ENDS = ["under way", "completed", "pruned", "failed", "cancelled", "paused", "lost", "handed back"];
const BEGAN = 1790000000000;
export const HOSTILE = `<img src=x onerror="window.hurt=1"><script>window.hurt=2</script>{b|x} & "q" '%s`;

const PARAMETERS = [
  { name: "learning_rate", kind: "float", log: true, low: 1e-6, high: 1e-3, choices: null },
  { name: "per_device_train_batch_size", kind: "categorical", log: false, low: null, high: null, choices: [8, 16, 32, 64], ordered: true },
  { name: "num_train_epochs", kind: "int", log: false, low: 1, high: 6, choices: null },
  { name: "warmup_ratio", kind: "float", log: false, low: 0, high: 0.3, choices: null },
  { name: "weight_decay", kind: "float", log: false, low: 0, high: 0.2, choices: null },
  { name: "lr_scheduler_type", kind: "categorical", log: false, low: null, high: null, choices: ["linear", "cosine", "constant_with_warmup"] },
  { name: "adapter", kind: "categorical", log: false, low: null, high: null, choices: ["none", "lora"] },
  { name: "lora.r", kind: "int", log: true, low: 2, high: 64, choices: null, condition: "adapter = lora" },
].map((one) => ({ ordered: false, condition: null, ...one }));

function draw(parameter, next) {
  const share = next();
  if (parameter.choices) return parameter.choices[Math.floor(share * parameter.choices.length)];
  const value = parameter.log ? Math.exp(Math.log(parameter.low) + share * Math.log(parameter.high / parameter.low)) : parameter.low + share * (parameter.high - parameter.low);
  return parameter.kind === "int" ? Math.round(value) : Number(value.toPrecision(6));
}

/** A study of `many` trials; `options` says what is special about it. */
export function study(id, name, many, options = {}) {
  const next = random(id * 7919 + 17);
  const parameters = options.hostile ? PARAMETERS.map((one, at) => (at === 3 ? { ...one, name: HOSTILE } : at === 5 ? { ...one, choices: ["</script>", "<b>bold</b>", "a{x|y}"] } : one)) : PARAMETERS;
  const metrics = [{ name: options.hostile ? `acc<i>${HOSTILE}` : "eval_accuracy", goal: "maximize" }];
  if (options.several) metrics.push({ name: "latency_ms", goal: "minimize" });
  const made = { parameters, metrics, trials: columns(parameters, metrics, many), timeline: { trial: [], worker: [], from: [], to: [], end: [], workers: ["node-a:1", "node-a:2", "node-b:1", options.hostile ? HOSTILE : "node-b:2"], ends: ENDS }, curves: metrics.map(() => []) };
  const free = made.timeline.workers.map(() => BEGAN);
  for (let n = 0; n < many; n += 1) trial(made, n, many, next, free, options);
  return { id, name, options, ...made, picture: picture(id, name, many, made, options) };
}

function columns(parameters, metrics, many) {
  const empty = () => new Array(many).fill(null);
  return { state: empty(), params: parameters.map(empty), values: metrics.map(empty), step: empty(), fraction: empty(), device_seconds: new Array(many).fill(0), money: empty(), created_at: empty(), started_at: empty(), finished_at: empty(), seed: empty(), repeats: empty(), reports: new Array(many).fill(0), reason: {} };
}

function trial(made, n, many, next, free, options) {
  const { trials, parameters, timeline } = made;
  parameters.forEach((parameter, at) => {
    const value = draw(parameter, next);
    trials.params[at][n] = parameter.condition && trials.params[6][n] !== "lora" ? null : value;
  });
  const rate = Math.log10(trials.params[0][n]);
  const good = 0.88 - 0.07 * (rate + 4.4) ** 2 - (trials.params[1][n] === 64 ? 0.05 : 0) + 0.02 * (trials.params[2][n] / 6) + 0.02 * (next() - 0.5);
  const early = next();
  let state = options.failed || early > 0.96 ? "failed" : early > 0.55 && n > 8 && good < 0.84 ? "pruned" : "completed";
  if (options.running && n >= many - 4) state = ["running", "running", "paused", "queued"][n - many + 4];
  const whole = options.points ?? 20;
  const reports = state === "queued" || options.failed ? 0 : state === "completed" ? whole : Math.max(1, Math.floor(whole * (0.1 + 0.5 * next())));
  made.curves.forEach((curves, metric) => curves.push(curve(reports, whole, metric === 0 ? good : 40 - 30 * good + 8 * next(), metric, next)));
  const worker = free.indexOf(Math.min(...free));
  const seconds = Math.max(2, reports * (1 + trials.params[2][n]) * 3);
  trials.state[n] = STATES.indexOf(state);
  trials.seed[n] = String(Math.floor(next() * 2 ** 40));
  trials.created_at[n] = free[worker];
  trials.reports[n] = reports;
  if (state === "queued") return;
  const last = made.curves.map((curves) => curves[n].at(-1));
  last.forEach((point, metric) => (trials.values[metric][n] = point ? point[2] : null));
  trials.step[n] = last[0]?.[0] ?? null;
  trials.fraction[n] = last[0]?.[1] ?? null;
  trials.device_seconds[n] = seconds;
  trials.money[n] = Number(((seconds / 3600) * 3.06).toFixed(5));
  trials.started_at[n] = free[worker];
  stretches(timeline, n, worker, free, seconds, state);
  if (["completed", "pruned", "failed"].includes(state)) trials.finished_at[n] = free[worker];
  if (state === "pruned") trials.reason[n] = `behind two thirds of the others at step ${trials.step[n]}`;
  if (state === "failed") trials.reason[n] = options.hostile ? HOSTILE : "CUDA out of memory: half the batch was tried and failed too";
}

function stretches(timeline, n, worker, free, seconds, state) {
  const add = (from, to, end) => { timeline.trial.push(n); timeline.worker.push(worker); timeline.from.push(from); timeline.to.push(to); timeline.end.push(ENDS.indexOf(end)); };
  const from = free[worker];
  const half = from + seconds * 500;
  const to = from + seconds * 1000;
  if (state === "running") add(from, null, "under way");
  else if (state === "paused") add(from, to, "paused");
  else if (n % 7 === 3) { add(from, half, "paused"); add(half + 5000, to + 5000, state); }
  else add(from, to, state);
  free[worker] = to + 5000 + 500;
}

function curve(reports, whole, end, metric, next) {
  return Array.from({ length: reports }, (_, at) => {
    const fraction = (at + 1) / whole;
    const value = metric === 0 ? end - 0.35 * Math.exp(-5 * fraction) + 0.008 * (next() - 0.5) : end * (1 + 0.02 * next());
    return [(at + 1) * 50, fraction, Number(value.toFixed(6))];
  });
}

function history(trials, metric, goal) {
  const better = goal === "maximize" ? (a, b) => a > b : (a, b) => a < b;
  const ended = trials.finished_at.map((at, n) => [at, n]).filter(([at, n]) => at !== null && trials.values[metric][n] !== null && [3, 4].includes(trials.state[n])).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const found = { trial: [], at: [], value: [], best: [], low: [], high: [] };
  let best = null;
  for (const [at, n] of ended) {
    const value = trials.values[metric][n];
    if (best === null || better(value, best)) best = value;
    const noise = goal === "maximize" ? 0.006 : 0.5;
    found.trial.push(n); found.at.push(at); found.value.push(value); found.best.push(best); found.low.push(best - noise); found.high.push(best + noise);
  }
  return found;
}

export function bestOf(picture) {
  let best = null;
  picture.trials.values[0].forEach((value, n) => {
    if (value !== null && picture.trials.state[n] === 3 && (best === null || value > picture.trials.values[0][best])) best = n;
  });
  return best;
}

function frontOf({ values, state }) {
  const ended = state.map((_, n) => n).filter((n) => state[n] === 3);
  return ended.filter((n) => !ended.some((m) => values[0][m] >= values[0][n] && values[1][m] <= values[1][n] && (values[0][m] > values[0][n] || values[1][m] < values[1][n])));
}

function picture(id, name, many, made, options) {
  const { trials, metrics, parameters, timeline } = made;
  const counts = STATES.map((_, at) => trials.state.filter((state) => state === at).length);
  const device = trials.device_seconds.reduce((sum, seconds) => sum + seconds, 0);
  const now = Math.max(BEGAN, ...timeline.to.filter((to) => to !== null)) + 4000;
  const found = {
    format: 1, id, name, method: options.population ? "pbt" : "auto", scheduler: options.population ? "pbt" : "asha", revision: 100 + many * 3, created_at: BEGAN, now, paused: false,
    finished: options.running || many === 0 ? null : "The budget of trials is spent.", standing: many === 0 ? "No trial has begun." : `${many} trials, ${counts[3]} completed, ${counts[4]} pruned, ${counts[5]} failed.`, verdict: [],
    metrics, parameters, states: STATES, counts, trials, best: null, front: [], chosen: null, history: metrics.map((metric, at) => history(trials, at, metric.goal)), importance: [], timeline, lineage: options.population ? population(trials, made, random(5)) : [],
    cost: { device_seconds: device, money: (device / 3600) * 3.06, price_hour: 3.06, saved_seconds: device * 0.4, saved_money: (device * 0.4 * 3.06) / 3600 },
    budget: { limits: [{ name: "trials", spent: many, limit: Math.max(20, many), unit: "trials" }, { name: "gpu_minutes", spent: device, limit: device * 1.6 + 60, unit: "seconds" }, { name: "cost", spent: (device / 3600) * 3.06, limit: (device / 3600) * 5 + 1, unit: "money" }], forecast: many === 0 ? null : "At this pace the budget of trials is spent first, in about 12 minutes." },
    commands: [{ name: "show", line: `tunesmith show ${name}` }, { name: "export the best", line: `tunesmith export ${name} best --to ./best` }],
  };
  found.best = options.several ? null : bestOf(found);
  found.front = options.several ? frontOf(trials) : found.best === null ? [] : [found.best];
  if (options.chosen && found.best !== null) found.chosen = found.best;
  if (found.best !== null && many > 5) found.verdict = [`Trial ${found.best} is the best with ${trials.values[0][found.best]}, measured again on two fresh seeds: 0.874 ± 0.006.`, "Trials 12 and 31 are within the noise of it: nothing tells them from the winner."];
  found.importance = metrics.map((_, at) => (counts[3] < 10 ? { refusal: `importance needs ten completed trials, and there are ${counts[3]}` } : importance(parameters, trials, at)));
  return found;
}

function importance(parameters, trials, metric) {
  const shares = [0.52, 0.18, 0.11, 0.06, 0.05, 0.04, 0.02, 0.02];
  const values = trials.values[metric];
  return {
    method: "PED-ANOVA", trials: trials.state.filter((state) => state === 3).length, caveats: ["Pruned trials are left out."],
    sentence: `${parameters[0].name} and ${parameters[1].name} account for most of what can be told apart.`,
    parameters: parameters.map((parameter, at) => ({ name: parameter.name, share: shares[at], low: shares[at] * 0.6, high: Math.min(1, shares[at] * 1.4 + 0.02), shown: at < 5, shape: ["peaks inside", "falls", "rises", "rises a little", "falls a little", "", "", ""][at], bins: bins(parameter, trials.params[at], values) })),
  };
}

function bins(parameter, column, values) {
  const many = parameter.choices ? parameter.choices.length : 6;
  const edge = (at) => (parameter.log ? Math.exp(Math.log(parameter.low) + (at / many) * Math.log(parameter.high / parameter.low)) : parameter.low + (at / many) * (parameter.high - parameter.low));
  return Array.from({ length: many }, (_, at) => {
    const inside = column.map((value, n) => n).filter((n) => column[n] !== null && values[n] !== null && (parameter.choices ? column[n] === parameter.choices[at] : column[n] >= edge(at) && column[n] <= edge(at + 1)));
    const mean = inside.length ? inside.reduce((sum, n) => sum + values[n], 0) / inside.length : 0.6;
    return { label: parameter.choices ? String(parameter.choices[at]) : `${edge(at).toPrecision(2)} – ${edge(at + 1).toPrecision(2)}`, low: parameter.choices ? null : edge(at), high: parameter.choices ? null : edge(at + 1), choice: parameter.choices ? parameter.choices[at] : null, mean, lower: mean - 0.03, upper: mean + 0.03, trials: inside.length };
  });
}

function population(trials, made, next) {
  const found = [];
  const rates = trials.params[0].slice();
  for (const fraction of [0.2, 0.4, 0.6, 0.8]) {
    for (let n = 0; n < trials.state.length; n += 1) {
      if (next() > 0.3) continue;
      const from = (n + 1 + Math.floor(next() * (trials.state.length - 1))) % trials.state.length;
      const after = Number((rates[from] * (next() > 0.5 ? 1.2 : 0.8)).toPrecision(6));
      found.push({ trial: n, from, at: BEGAN + fraction * 100000, step: fraction * 1000, fraction, changed: [{ name: "learning_rate", before: rates[n], after }, { name: "weight_decay", before: 0.1, after: Number((0.1 * (1 + next())).toPrecision(3)) }] });
      rates[n] = after;
    }
  }
  void made;
  return found;
}

/** The curves of a metric as the contract has them. */
export function bytes(one, metric, most = Infinity) {
  const total = one.curves[metric].reduce((sum, curve) => sum + curve.length, 0);
  const each = total > most ? Math.max(2, Math.floor(most / Math.max(1, one.curves[metric].length))) : Infinity;
  const curves = one.curves[metric].map((curve) => (curve.length <= each ? curve : Array.from({ length: each }, (_, at) => curve[Math.round((at * (curve.length - 1)) / (each - 1))])));
  const points = curves.reduce((sum, curve) => sum + curve.length, 0);
  const buffer = Buffer.alloc(16 + 4 * (curves.length + 1) + 12 * points);
  [0x31435354, curves.length, points, one.picture.revision].forEach((word, at) => buffer.writeUInt32LE(word, 4 * at));
  let offset = 0;
  curves.forEach((curve, at) => { buffer.writeUInt32LE(offset, 16 + 4 * at); offset += curve.length; });
  buffer.writeUInt32LE(offset, 16 + 4 * curves.length);
  const start = 16 + 4 * (curves.length + 1);
  let at = 0;
  for (const curve of curves) for (const point of curve) { point.forEach((number, column) => buffer.writeFloatLE(number, start + 4 * (column * points + at))); at += 1; }
  return buffer;
}

export function trialPage(one, n) {
  const { trials, parameters, metrics, states, lineage } = one.picture;
  const params = Object.fromEntries(parameters.map((parameter, at) => [parameter.name, trials.params[at][n]]).filter(([, value]) => value !== null));
  const reports = one.curves[0][n].map(([step, fraction], at) => ({ step, fraction, at: trials.started_at[n] + at * 1000, values: Object.fromEntries(metrics.map((metric, index) => [metric.name, one.curves[index][n][at][2]])) }));
  const stretches = one.timeline.trial.map((trial, at) => [trial, at]).filter(([trial]) => trial === n).map(([, at]) => ({ worker: one.timeline.workers[one.timeline.worker[at]], from: one.timeline.from[at], to: one.timeline.to[at], end: ENDS[one.timeline.end[at]] }));
  return {
    number: n, state: states[trials.state[n]], seed: trials.seed[n], params, effective: { ...params, weight_decay: 0.01 }, values: trials.values[0][n] === null ? null : Object.fromEntries(metrics.map((metric, at) => [metric.name, trials.values[at][n]])),
    reason: trials.reason[n] ?? null, reports, stretches, output: one.options.hostile ? `${HOSTILE}\n`.repeat(3) : "{'eval_loss': 0.41, 'epoch': 1.0}\n{'eval_loss': 0.38, 'epoch': 2.0}\n", lineage: lineage.filter((takeover) => takeover.trial === n).map((takeover) => takeover.from), children: lineage.filter((takeover) => takeover.from === n).map((takeover) => takeover.trial),
    repeats: null, repeated_by: [], device_seconds: trials.device_seconds[n], money: trials.money[n], note: '{"sampler": "tpe"}', commands: [{ name: "replay", line: `tunesmith replay ${one.name} ${n}` }],
  };
}

export function all() {
  return [
    study(1, "rte", 100, { chosen: true, running: true }), study(2, "one", 1), study(3, "ten-thousand", 10000, { points: 100 }), study(4, HOSTILE, 60, { hostile: true }), study(5, "two-metrics", 80, { several: true }),
    study(6, "population", 16, { population: true }), study(7, "all-failed", 12, { failed: true }), study(8, "nothing-yet", 0), study(9, "rte-random", 100),
  ];
}
