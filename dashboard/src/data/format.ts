// How numbers, durations and values are written. Writes text only; rounds for reading, never for reckoning.
export type Value = number | string | boolean | null;

/** Four significant digits, an exponent where zeros would be counted; "–" for none. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value);
  if (size < 1e-3 || size >= 1e6) {
    return value.toExponential(3).replace(/\.?0+e/, "e").replace("e+", "e");
  }
  return String(Number(value.toPrecision(4)));
}

/** A parameter's value as it would stand in a study file. */
export function shown(value: Value | undefined): string {
  if (value === undefined) return "–";
  if (typeof value === "number") return number(value);
  if (value === null) return "–";
  return String(value);
}

export function whole(value: number): string {
  return value.toLocaleString("en");
}

/** Seconds as "45 s", "3.2 min", "5 h 12 min", "2 d 4 h". */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.995) return seconds === 0 ? "0 s" : `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Number(seconds.toPrecision(2))} s`;
  if (seconds < 3600) return `${Number((seconds / 60).toPrecision(3))} min`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function money(amount: number | null | undefined): string {
  if (amount === null || amount === undefined) return "–";
  return amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: amount < 1 ? 4 : 2 });
}

export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(share < 0.1 ? 2 : 3))} %`;
}

const two = (part: number) => String(part).padStart(2, "0");

/** A day and a time by the reader's clock. */
export function moment(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** "3 trials", "1 trial". */
export function count(many: number, one: string): string {
  return `${whole(many)} ${one}${many === 1 ? "" : "s"}`;
}

/** Text no longer than `most` characters, the middle left out. */
export function short(text: string, most: number): string {
  if (text.length <= most) return text;
  const head = Math.ceil((most - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`;
}
