// The report's beginning: reads the data that stands in the page. Asks no server.
import { mount } from "svelte";
import type { Picture } from "./data/contract";
import Report from "./Report.svelte";
import "./style/app.css";
import "./style/print.css";

const target = document.getElementById("app")!;
const text = document.getElementById("tunesmith-data")?.textContent ?? "";
try {
  const { picture, curves } = JSON.parse(text) as { picture: Picture; curves: string[] };
  mount(Report, { target, props: { picture, curves } });
} catch (error) {
  target.textContent = "This page holds no study: tunesmith report STUDY writes one that does.";
  console.warn(error);
}
