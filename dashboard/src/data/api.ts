// Asks the server and says in words what went wrong. Keeps the token in sessionStorage, so that it is gone with the
// tab; writes it nowhere else.
import type { Picture, TrialPage } from "./contract";

const KEY = "tunesmith-token";

export class Refused extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}
/** The server did not answer at all. */
export class Gone extends Error {}

export interface Access {
  tokens: boolean;
  scope: "read" | "write" | null;
}
export interface Listed {
  id: number;
  name: string;
  created_at: number;
  revision: number;
}

export function token(): string | null {
  return sessionStorage.getItem(KEY);
}

export function setToken(text: string | null): void {
  if (text === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, text);
}

export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const held = token();
  if (held !== null) headers.set("Authorization", `Bearer ${held}`);
  let response: Response;
  try {
    response = await fetch(`api/v1/${path}`, { ...init, headers });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new Gone("the server does not answer", { cause });
  }
  if (response.ok || response.status === 304) return response;
  throw await refusal(response);
}

async function refusal(response: Response): Promise<Error> {
  const text = await response.text().catch(() => "");
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return new Refused(response.status, error.code, error.message);
  } catch {
    if (response.status >= 502 && response.status <= 504) return new Gone("the server does not answer");
    return new Refused(response.status, "unknown", `the server answered ${response.status}`);
  }
}

export const access = async () => (await (await ask("access")).json()) as Access;
export const studies = async () => ((await (await ask("studies")).json()) as { studies: Listed[] }).studies;
export const page = async (study: number, trial: number) =>
  (await (await ask(`studies/${study}/trials/${trial}/page`)).json()) as TrialPage;

/** The picture, or null where it is still that of revision `after`. */
export async function picture(study: number, after: number | null): Promise<Picture | null> {
  const response = await ask(`studies/${study}/picture${after === null ? "" : `?after=${after}`}`);
  return response.status === 304 ? null : ((await response.json()) as Picture);
}

export async function curves(study: number, metric: string, most: number): Promise<ArrayBuffer> {
  const query = new URLSearchParams({ metric, most: String(most) });
  return (await ask(`studies/${study}/curves?${query}`)).arrayBuffer();
}

export async function command(study: number, body: Record<string, unknown>): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  await ask(`studies/${study}/commands`, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Calls `heard` whenever events arrive; resolves when the stream ends. */
export async function listen(study: number, after: number, signal: AbortSignal, heard: () => void): Promise<void> {
  const headers = { Accept: "text/event-stream", "Last-Event-ID": String(after) };
  const response = await ask(`studies/${study}/events`, { headers, signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (/^(id|event|data):/m.test(value)) heard();
  }
}

export function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
