// How the reader wants to see: light or dark (the system's choice unless the reader chose), motion or none.
const KEY = "tunesmith-theme";
type Choice = "light" | "dark" | null;

const system = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

class Look {
  #choice = $state<Choice>(stored());
  #system = $state(system.matches);
  printing = $state(false);
  still = $state(still.matches);
  /** On paper everything is light. */
  dark = $derived(!this.printing && (this.#choice === null ? this.#system : this.#choice === "dark"));

  constructor() {
    system.addEventListener("change", () => (this.#system = system.matches));
    still.addEventListener("change", () => (this.still = still.matches));
    addEventListener("beforeprint", () => (this.printing = true));
    addEventListener("afterprint", () => (this.printing = false));
  }

  toggle(): void {
    this.#choice = this.dark ? "light" : "dark";
    try {
      localStorage.setItem(KEY, this.#choice);
    } catch {
      // A page without storage forgets the choice with the tab.
    }
  }
}

function stored(): Choice {
  try {
    const text = localStorage.getItem(KEY);
    return text === "light" || text === "dark" ? text : null;
  } catch {
    return null;
  }
}

export const look = new Look();
