// Which view a key means: a digit, or `g` and a letter soon after. Keys typed into a field mean what they say.
export interface Keyed {
  name: string;
  key: string;
  letter: string;
}
export type Meaning = { view: string } | { act: "help" | "find" | "theme" | "studies" } | null;

const SOON_MS = 1500;

export class Keys {
  #went = -Infinity;
  constructor(readonly views: Keyed[]) {}

  /** What `key` means when pressed at `now` milliseconds. */
  press(key: string, now: number): Meaning {
    const after = now - this.#went < SOON_MS;
    this.#went = -Infinity;
    if (after) {
      if (key === "a") return { act: "studies" };
      const found = this.views.find((view) => view.letter === key);
      return found ? { view: found.name } : null;
    }
    if (key === "g") {
      this.#went = now;
      return null;
    }
    if (key === "?") return { act: "help" };
    if (key === "/") return { act: "find" };
    if (key === "d") return { act: "theme" };
    const found = this.views.find((view) => view.key !== "" && view.key === key);
    return found ? { view: found.name } : null;
  }
}

/** Whether keys go into what has the focus. */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || target.closest("dialog") !== null;
}
