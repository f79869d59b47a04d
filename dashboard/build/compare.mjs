// Builds `dist` again and compares it with what is committed; for CI. Leaves the new build in place.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const cwd = fileURLToPath(new URL("..", import.meta.url));
execFileSync("npm", ["run", "--silent", "build"], { cwd, stdio: ["ignore", "ignore", "inherit"] });
const changed = execFileSync("git", ["status", "--porcelain", "--", "dist"], { cwd, encoding: "utf8" });
if (changed !== "") {
  console.error(`dist is not what the source builds; commit it:\n${changed}`);
  process.exit(1);
}
console.log("dist is what the source builds");
