// The contract between the binary and what the browser draws. Served by tunesmith-server, inlined by `tunesmith report`.
// All times are milliseconds since 1970 by the writer's clock. `null` means "there is none"; a key is never left out.

/** GET /api/v1/studies/{id}/picture[?after=REVISION] — everything of a study but its curves.
 *  With `after` equal to the present revision: 304 with no body. */
export interface Picture {
  format: 1;
  id: number | null;                 // null in a report file
  name: string;
  method: string;                    // sampler's name
  scheduler: string;                 // "none" where there is none
  revision: number;
  created_at: number;
  now: number;                       // the clock of whoever made the picture
  paused: boolean;
  finished: string | null;           // why, as a sentence
  standing: string;                  // as `tunesmith show` says it
  verdict: string[];                 // the honest sentences of `tunesmith show` (winner, interval, "within noise"), may be empty
  metrics: { name: string; goal: "minimize" | "maximize" }[];   // at least one
  parameters: Parameter[];           // in the order of the space; those that define-by-run added come last
  states: string[];                  // ["queued","running","paused","completed","pruned","failed","cancelled"]
  counts: number[];                  // by index of states
  trials: Trials;
  best: number | null;               // trial numbers
  front: number[];
  chosen: number | null;             // the winner after replication
  history: History[];                // one per metric
  importance: (Importance | { refusal: string })[];   // one per metric
  timeline: Timeline;
  lineage: Takeover[];               // takeovers of population-based training, in the order of the log
  cost: Cost;
  budget: { limits: { name: string; spent: number; limit: number; unit: "trials" | "seconds" | "money" }[]; forecast: string | null };
  commands: { name: string; line: string }[];         // what to type: go on, show, export the best …
}
export interface Parameter {
  name: string;
  kind: "float" | "int" | "categorical" | "fixed";
  log: boolean;                      // drawn on a logarithmic axis
  low: number | null; high: number | null;            // float and int
  choices: (number | string | boolean | null)[] | null;   // categorical: what Trials.params refers to as it is
  ordered: boolean;                  // an ordered categorical
  condition: string | null;          // shown as text
}
/** Columns; entry i belongs to trial number i. */
export interface Trials {
  state: number[];                   // index into Picture.states
  params: (number | string | boolean | null)[][];     // one column per parameter
  values: (number | null)[][];       // one column per metric: the outcome's, else the last report's
  step: (number | null)[]; fraction: (number | null)[];   // of the last report
  device_seconds: number[];
  money: (number | null)[];
  created_at: number[]; started_at: (number | null)[]; finished_at: (number | null)[];
  seed: string[];
  repeats: (number | null)[];        // this trial repeats that one's params on another seed
  reports: number[];                 // how many
  reason: Record<string, string>;    // trial number -> why it was pruned, failed, cancelled; sparse
}
/** Optimisation history: completed (and pruned-with-value) trials in the order they ended. */
export interface History {
  trial: number[]; at: number[]; value: number[];
  best: number[];                    // running best
  low: number[]; high: number[];     // the noise band of the running best; equal to best where noise is not known
}
export interface Importance {
  method: string; trials: number;
  sentence: string; caveats: string[];
  parameters: {
    name: string; share: number; low: number; high: number;  // interval of share
    shown: boolean;                  // false: no effect beyond noise
    shape: string;                   // in words: "rises", "peaks inside" …
    bins: { label: string; low: number | null; high: number | null; choice: number | string | boolean | null; mean: number; lower: number; upper: number; trials: number }[];
  }[];
}
/** Stretches of work, columns. */
export interface Timeline {
  trial: number[]; worker: number[]; from: number[];
  to: (number | null)[];             // null: under way
  end: number[];                     // index into ends
  workers: string[];
  ends: string[];                    // ["under way","completed","pruned","failed","cancelled","paused","lost","handed back"]
}
export interface Takeover { trial: number; from: number; at: number; step: number | null; fraction: number | null; changed: { name: string; before: number | string | boolean | null; after: number | string | boolean | null }[] }
export interface Cost {
  device_seconds: number;
  money: number | null;
  price_hour: number | null;
  saved_seconds: number | null;      // by stopping early, against the trials' own whole schedules
  saved_money: number | null;
}

/** GET /api/v1/studies/{id}/curves?metric=NAME[&most=POINTS] — application/octet-stream, little endian:
 *  u32 magic 0x31435354 ("TSC1"), u32 n (trials), u32 total (points), u32 revision (low 32 bits),
 *  u32 offset[n+1], f32 step[total], f32 fraction[total], f32 value[total].
 *  With `most`, curves are thinned evenly, keeping each one's first and last point. Report: base64 of the same. */
export interface Curves { offset: Uint32Array; step: Float32Array; fraction: Float32Array; value: Float32Array }

/** GET /api/v1/studies/{id}/trials/{n}/page */
export interface TrialPage {
  number: number; state: string; seed: string;
  params: Record<string, number | string | boolean | null>;
  effective: Record<string, number | string | boolean | null> | null;   // read back from the optimiser
  values: Record<string, number> | null; reason: string | null;
  reports: { step: number; fraction: number; at: number; values: Record<string, number> }[];
  stretches: { worker: string; from: number; to: number | null; end: string }[];
  output: string | null;             // the tail of a program's output
  lineage: number[];                 // ancestors, the farthest first
  children: number[];
  repeats: number | null; repeated_by: number[];
  device_seconds: number; money: number | null;
  note: string | null;               // the sampler's note as text, JSON
  commands: { name: string; line: string }[];   // how to replay it
}

/** GET /api/v1/studies — as it is today (see openapi.json), one entry per study with its `id`.
 *  Live: GET /api/v1/studies/{id}/events — server-sent events as today; on any event the dashboard asks for the picture again (at most once a second).
 *  Acts: POST /api/v1/studies/{id}/commands as today (pause, resume, cancel, enqueue) and {"command":"budget", …} for editing the budget.
 *  GET /api/v1/access — {"tokens": bool, "scope": "read" | "write" | null}: what the caller may do; null without a (valid) token. Always 200.
 *  Tokens go in `Authorization: Bearer`, on the event stream too (fetch + ReadableStream, not EventSource). */

/** A report file has, before the script: <script type="application/json" id="tunesmith-data">DATA</script> where DATA is
 *  {"picture": Picture, "curves": [base64 per metric]} with every "<" written as \u003c.
 *  The template is dashboard/dist/report.html with the text __TUNESMITH_DATA__ exactly once in that place. */
