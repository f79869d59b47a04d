// A server of the contract with made-up studies: `dist` with the binary's policy on scripts, the API, live events.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { bytes, trialPage } from "./studies.mjs";

const DIST = fileURLToPath(new URL("../../dist", import.meta.url));
export const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** Starts it; `tokens` maps a token to its scope, null for none needed. */
export async function start(studies, { tokens = null, port = 0 } = {}) {
  const state = { studies, tokens, commands: [], listeners: new Set(), asked: [] };
  const server = createServer((request, response) => {
    try {
      route(state, request, response);
    } catch (error) {
      send(response, 500, { error: { code: "fault", message: String(error) } });
    }
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  const close = () => { for (const listener of state.listeners) listener.destroy(); server.closeAllConnections(); return new Promise((done) => server.close(done)); };
  return { url: `http://127.0.0.1:${server.address().port}/`, port: server.address().port, state, close, event: (study) => tell(state, study) };
}

function tell(state, study) {
  const one = state.studies.find(({ id }) => id === study);
  one.picture.revision += 1;
  for (const listener of state.listeners) if (listener.study === study) listener.write(`id: ${one.picture.revision}\nevent: reported\ndata: {}\n\n`);
}

function send(response, status, body) {
  const text = JSON.stringify(body);
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}
const refuse = (response, status, code, message) => send(response, status, { error: { code, message } });

function scope(state, request) {
  if (!state.tokens) return "write";
  return state.tokens[/^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1]] ?? null;
}

function route(state, request, response) {
  const url = new URL(request.url, "http://x");
  if (!url.pathname.startsWith("/api/")) return file(url.pathname, response);
  state.asked.push(url.pathname + url.search);
  if (url.pathname === "/api/v1/access") return send(response, 200, { tokens: state.tokens !== null, scope: scope(state, request) });
  if (scope(state, request) === null) return refuse(response, 401, "no_token", "this server needs a token");
  if (url.pathname === "/api/v1/studies") return send(response, 200, { studies: state.studies.map(({ id, name, picture }) => ({ id, name, created_at: picture.created_at + id, revision: picture.revision })) });
  const found = /^\/api\/v1\/studies\/(\d+)\/(picture|curves|events|commands|trials\/(\d+)\/page)$/.exec(url.pathname);
  const one = found && state.studies.find(({ id }) => id === Number(found[1]));
  if (!one) return refuse(response, 404, "no_study", "there is no such study");
  if (found[2] === "picture") return url.searchParams.get("after") === String(one.picture.revision) ? response.writeHead(304).end() : send(response, 200, one.picture);
  if (found[2] === "curves") return curves(one, url, response);
  if (found[2] === "events") return listen(state, one, response);
  if (found[2] === "commands") return command(state, one, request, response);
  if (Number(found[3]) >= one.picture.trials.state.length) return refuse(response, 404, "no_trial", "there is no such trial");
  send(response, 200, trialPage(one, Number(found[3])));
}

function curves(one, url, response) {
  const metric = one.picture.metrics.findIndex(({ name }) => name === url.searchParams.get("metric"));
  if (metric < 0) return refuse(response, 404, "no_metric", "there is no such metric");
  const body = bytes(one, metric, Number(url.searchParams.get("most") ?? Infinity));
  response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": body.length }).end(body);
}

function listen(state, one, response) {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  response.write(": \n\n");
  response.study = one.id;
  state.listeners.add(response);
  response.on("close", () => state.listeners.delete(response));
}

function command(state, one, request, response) {
  if (scope(state, request) !== "write") return refuse(response, 403, "scope", "this token may only read");
  let text = "";
  request.on("data", (part) => (text += part));
  request.on("end", () => {
    const body = JSON.parse(text);
    state.commands.push({ study: one.id, ...body });
    if (body.command === "pause" || body.command === "resume") one.picture.paused = body.command === "pause";
    tell(state, one.id);
    send(response, 200, { events: [] });
  });
}

function file(path, response) {
  const clean = normalize(path === "/" ? "/index.html" : path);
  try {
    const body = readFileSync(join(DIST, clean));
    response.writeHead(200, { "Content-Type": TYPES[extname(clean)] ?? "application/octet-stream", "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff" }).end(body);
  } catch {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("not found");
  }
}
