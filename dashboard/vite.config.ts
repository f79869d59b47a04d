// Two builds from one source: `dist/index.html` with its assets for the server, and, with `--mode report`, one
// script and one style sheet that build/report.mjs puts into the page that `tunesmith report` fills.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const served = {
  outDir: "dist",
  emptyOutDir: true,
  assetsInlineLimit: 0,
  modulePreload: { polyfill: false },
  chunkSizeWarningLimit: 900,
  rollupOptions: {
    output: {
      entryFileNames: "assets/[name]-[hash].js",
      chunkFileNames: "assets/[name]-[hash].js",
      assetFileNames: "assets/[name]-[hash][extname]",
    },
  },
};

const report = {
  outDir: "node_modules/.report",
  emptyOutDir: true,
  copyPublicDir: false,
  cssCodeSplit: false,
  chunkSizeWarningLimit: 900,
  lib: { entry: "src/report.ts", name: "tunesmithReport", formats: ["iife" as const], fileName: () => "report.js", cssFileName: "report" },
};

export default defineConfig(({ mode }) => ({
  base: "./",
  plugins: [svelte()],
  server: { proxy: { "/api": process.env.TUNESMITH_UI ?? "http://127.0.0.1:8766" } },
  define: mode === "report" ? { "process.env.NODE_ENV": JSON.stringify("production") } : {},
  build: { target: "es2022", ...(mode === "report" ? report : served) },
  test: { include: ["test/unit/**/*.test.ts"] },
}));
