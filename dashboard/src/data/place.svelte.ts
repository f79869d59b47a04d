// Where a view reads and keeps its choices: the link in the dashboard, memory in a report. A view never touches
// `location` itself.
import { format, parse, type Query, type Route } from "./route";

export interface Place {
  readonly query: Query;
  /** Replaces keys of the query; null takes one away. */
  set(changes: Record<string, string | string[] | null>): void;
  /** The link to a trial; none in a report. */
  trial(number: number): string | null;
  /** The link to another view with a query. */
  view(name: string, query?: Query): string | null;
}

export function one(place: Place, key: string): string | null {
  return place.query[key]?.[0] ?? null;
}

function changed(query: Query, changes: Record<string, string | string[] | null>): Query {
  const next = { ...query };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value.length === 0) delete next[key];
    else next[key] = typeof value === "string" ? [value] : value;
  }
  return next;
}

class Link implements Place {
  route = $state.raw<Route>(parse(location.hash));

  constructor() {
    addEventListener("hashchange", () => (this.route = parse(location.hash)));
  }
  get query(): Query {
    return this.route.query;
  }
  set(changes: Record<string, string | string[] | null>): void {
    this.route = { ...this.route, query: changed(this.query, changes) };
    history.replaceState(null, "", format(this.route));
  }
  go(hash: string): void {
    location.hash = hash;
  }
  trial(number: number): string | null {
    return format({ study: this.route.study, view: "trial", item: String(number), query: {} });
  }
  view(name: string, query: Query = {}): string | null {
    return format({ study: this.route.study, view: name, item: null, query });
  }
}

/** A view's choices in a report, where several views share the page. */
export class Memory implements Place {
  query = $state.raw<Query>({});
  set(changes: Record<string, string | string[] | null>): void {
    this.query = changed(this.query, changes);
  }
  trial(): string | null {
    return null;
  }
  view(): string | null {
    return null;
  }
}

let link: Link | null = null;
export function theLink(): Link {
  link ??= new Link();
  return link;
}
