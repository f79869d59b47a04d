// The server of made-up studies by itself, to work on the dashboard with: npm run mock, then npm run dev beside it.
import { start } from "./server.mjs";
import { all } from "./studies.mjs";

const server = await start(all(), { port: Number(process.argv[2] ?? 8766) });
console.log(server.url);
