// Puts the report's script and style into its page. Refuses a page in which the place for the data is not there
// exactly once, or whose script would end its own element.
import { readFileSync, rmSync, writeFileSync } from "node:fs";

const root = new URL("..", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");
// Inside strings and patterns, where alone they stand, these mean the same written so.
const harmless = (text) => text.replace(/<(?=\/script|!--)/gi, "\\x3c");
const script = harmless(read("node_modules/.report/report.js").trim());
const style = read("node_modules/.report/report.css").trim();
if (/<\/script|<!--/i.test(script)) throw new Error("the script has an end tag or a comment's beginning in it");
if (/<\/style/i.test(style)) throw new Error("the style has an end tag in it");
const page = read("build/report.html").replace("/*STYLE*/", () => style).replace("/*SCRIPT*/", () => script);
const places = page.split("__TUNESMITH_DATA__").length - 1;
if (places !== 1) throw new Error(`the place for the data is there ${places} times`);
writeFileSync(new URL("dist/report.html", root), page);
rmSync(new URL("node_modules/.report", root), { recursive: true });
console.log(`dist/report.html ${(page.length / 1024).toFixed(0)} KiB`);
