// The tests that drive a browser, one file after another.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/browser/**/*.test.mjs"], fileParallelism: false, testTimeout: 120_000, hookTimeout: 60_000 },
});
