// What was typed for a parameter, as a value of its domain or a refusal in words. The binary judges again.
import type { Parameter } from "./contract";
import type { Value } from "./format";

export type Read = { value: Value } | { refusal: string } | null;

/** Null for nothing typed: the sampler chooses. */
export function read(parameter: Parameter, text: string): Read {
  if (text.trim() === "") return null;
  if (parameter.choices !== null) {
    const at = Number(text);
    return at in parameter.choices ? { value: parameter.choices[at]! } : { refusal: `${parameter.name} has no such choice` };
  }
  const value = Number(text);
  if (!Number.isFinite(value)) return { refusal: `${parameter.name} is a number` };
  if (parameter.kind === "int" && !Number.isInteger(value)) return { refusal: `${parameter.name} is a whole number` };
  if (parameter.low !== null && value < parameter.low) return { refusal: `${parameter.name} is at least ${parameter.low}` };
  if (parameter.high !== null && value > parameter.high) return { refusal: `${parameter.name} is at most ${parameter.high}` };
  return { value };
}

/** All that was typed, or the first refusal. */
export function readAll(parameters: Parameter[], typed: Record<string, string>): { params: Record<string, Value> } | { refusal: string } {
  const params: Record<string, Value> = Object.create(null);
  for (const parameter of parameters) {
    const found = read(parameter, typed[parameter.name] ?? "");
    if (found === null) continue;
    if ("refusal" in found) return found;
    params[parameter.name] = found.value;
  }
  return { params };
}

type Limit = { name: string; spent: number; limit: number; unit: string };

/** The command that sets the limits that were changed, or why not. */
export function budgetCommand(limits: Limit[], typed: Record<string, string>): { command: Record<string, unknown> } | { refusal: string } {
  const changed: Record<string, number> = {};
  for (const { name, limit, unit } of limits) {
    const value = Number(typed[name] ?? limit);
    if (!Number.isFinite(value) || value <= 0) return { refusal: `${name} is a number above zero` };
    if (unit === "trials" && !Number.isInteger(value)) return { refusal: `${name} is a whole number` };
    if (value !== limit) changed[name] = value;
  }
  if (Object.keys(changed).length === 0) return { refusal: "nothing is changed" };
  return { command: { command: "budget", ...changed } };
}
