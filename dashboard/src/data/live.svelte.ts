// One study, kept up to date: the picture now and after every event, at most once a second; when the server is gone
// it says so and tries again. Computes nothing.
import { Gone, Refused, curves, listen, picture, words } from "./api";
import type { Curves, Picture } from "./contract";
import { decode } from "./curves";

const LEAST_BETWEEN_MS = 1000;
const LONGEST_WAIT_MS = 15000;
/** Points of all curves together that are asked for: several to each pixel. */
const MOST_POINTS = 400_000;

export type Source = Pick<Live, "picture" | "curves">;

export class Live {
  picture = $state.raw<Picture | null>(null);
  standing = $state<"loading" | "live" | "gone" | "refused">("loading");
  problem = $state("");
  refusal = $state(0);
  #study: number;
  #closed = new AbortController();
  #asked = 0;
  #again: ReturnType<typeof setTimeout> | null = null;
  #curves = new Map<number, { revision: number; at: number; curves: Promise<Curves> }>();

  constructor(study: number) {
    this.#study = study;
    void this.#follow();
  }

  close(): void {
    this.#closed.abort();
    if (this.#again !== null) clearTimeout(this.#again);
  }

  /** Asks for the picture again soon: after a command, for one. */
  soon(): void {
    if (this.#again !== null || this.#closed.signal.aborted) return;
    const wait = Math.max(0, this.#asked + LEAST_BETWEEN_MS - Date.now());
    this.#again = setTimeout(() => {
      this.#again = null;
      void this.#refresh().catch(() => undefined);
    }, wait);
  }

  /** Curves of a metric as of the present picture, asked for at most every other second: a call may wait for its turn. */
  async curves(metric: number): Promise<Curves> {
    const held = this.#curves.get(metric);
    const revision = this.picture!.revision;
    if (held?.revision === revision) return held.curves;
    const wait = held ? held.at + 2 * LEAST_BETWEEN_MS - Date.now() : 0;
    if (wait > 0) {
      await this.#pause(wait);
      return this.curves(metric);
    }
    const name = this.picture!.metrics[metric]!.name;
    const asked = curves(this.#study, name, MOST_POINTS).then(decode);
    asked.catch(() => this.#curves.delete(metric));
    this.#curves.set(metric, { revision, at: Date.now(), curves: asked });
    return asked;
  }

  async #refresh(): Promise<void> {
    this.#asked = Date.now();
    const found = await picture(this.#study, this.picture?.revision ?? null);
    if (this.#closed.signal.aborted) return;
    if (found) this.picture = found;
    this.standing = "live";
    this.problem = "";
  }

  async #follow(): Promise<void> {
    let wait = 1000;
    while (!this.#closed.signal.aborted) {
      try {
        await this.#refresh();
        wait = 1000;
        await listen(this.#study, this.picture!.revision, this.#closed.signal, () => this.soon());
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        this.problem = words(error);
        if (error instanceof Refused && error.status < 500 && error.status !== 429) {
          this.refusal = error.status;
          this.standing = "refused";
          return;
        }
        this.standing = error instanceof Gone || this.picture ? "gone" : "refused";
        if (!(error instanceof Gone) && this.standing === "refused") this.refusal = 500;
      }
      await this.#pause(wait);
      wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.#closed.signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
    });
  }
}
