// The views by name, in the order of the menu, each with its keys.
import type { Component } from "svelte";
import type { Picture } from "../data/contract";
import type { Source } from "../data/live.svelte";
import type { Place } from "../data/place.svelte";
import Contour from "./Contour.svelte";
import Curves from "./Curves.svelte";
import Front from "./Front.svelte";
import Heat from "./Heat.svelte";
import History from "./History.svelte";
import Importance from "./Importance.svelte";
import Lineage from "./Lineage.svelte";
import Overview from "./Overview.svelte";
import Parallel from "./Parallel.svelte";
import Scatter from "./Scatter.svelte";
import Slice from "./Slice.svelte";
import Timeline from "./Timeline.svelte";
import Trials from "./Trials.svelte";

export interface Listed {
  name: string;
  title: string;
  key: string;
  letter: string;
  component: Component<{ source: Source; place: Place }>;
  /** Whether a study has anything of the kind; what has nothing stays reachable, but faint. */
  fits?: (picture: Picture) => boolean;
}

export const VIEWS: Listed[] = [
  { name: "overview", title: "Overview", key: "1", letter: "o", component: Overview },
  { name: "history", title: "History", key: "2", letter: "h", component: History },
  { name: "curves", title: "Learning curves", key: "3", letter: "c", component: Curves },
  { name: "parallel", title: "Parallel coordinates", key: "4", letter: "p", component: Parallel },
  { name: "importance", title: "Importance", key: "5", letter: "i", component: Importance },
  { name: "slice", title: "Slices", key: "6", letter: "s", component: Slice },
  { name: "scatter", title: "Two parameters", key: "7", letter: "x", component: Scatter },
  { name: "heat", title: "Heat map", key: "8", letter: "m", component: Heat },
  { name: "contour", title: "Contour", key: "9", letter: "n", component: Contour },
  { name: "front", title: "Pareto front", key: "", letter: "f", component: Front, fits: (picture) => picture.metrics.length > 1 },
  { name: "timeline", title: "Timeline", key: "", letter: "t", component: Timeline },
  { name: "lineage", title: "Lineage", key: "", letter: "l", component: Lineage, fits: (picture) => picture.lineage.length > 0 },
  { name: "trials", title: "Trials", key: "0", letter: "r", component: Trials },
];
