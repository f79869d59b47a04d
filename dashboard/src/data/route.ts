// Where the reader is, as a link: `#/STUDY/VIEW/ITEM?key=value`. Knows no view's meaning; whatever it does not
// understand is the list of studies.
export type Query = Record<string, string[]>;
export interface Route {
  study: number | null;
  view: string;
  item: string | null;
  query: Query;
}

export function parse(hash: string): Route {
  const text = hash.replace(/^#?\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const query = parseQuery(mark < 0 ? "" : text.slice(mark + 1));
  const [first = "", second = "", third] = path.split("/").map(decode);
  if (first === "compare") return { study: null, view: "compare", item: null, query };
  if (!/^\d{1,15}$/.test(first)) return { study: null, view: "studies", item: null, query };
  return { study: Number(first), view: second === "" ? "overview" : second, item: third ?? null, query };
}

export function format(route: Route): string {
  const query = formatQuery(route.query);
  const tail = query === "" ? "" : `?${query}`;
  if (route.study === null) return route.view === "compare" ? `#/compare${tail}` : `#/${tail}`;
  const item = route.item === null ? "" : `/${encodeURIComponent(route.item)}`;
  const view = route.view === "overview" && item === "" ? "" : `/${encodeURIComponent(route.view)}`;
  return `#/${route.study}${view}${item}${tail}`;
}

function parseQuery(text: string): Query {
  const query: Query = Object.create(null);
  for (const [key, value] of new URLSearchParams(text)) (query[key] ??= []).push(value);
  return query;
}

function formatQuery(query: Query): string {
  const pairs = new URLSearchParams();
  for (const key of Object.keys(query).sort()) for (const value of query[key]!) pairs.append(key, value);
  return pairs.toString();
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
