import * as Path from "node:path"
import { defineConfig } from "vitest/config"

const src = Path.join(import.meta.dirname, "src")

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-suprsend$/, replacement: Path.join(src, "index.ts") },
      { find: /^effect-suprsend\/(.*)$/, replacement: Path.join(src, "$1.ts") }
    ]
  },
  test: {
    include: ["test/**/*.test.ts", "docs/examples/*.test.ts"],
    testTimeout: 60_000,
    // Tests with real processes and databases compete for the cores of the machine.
    retry: process.env["CI"] === undefined ? 0 : 1,
    // A PostgreSQL inside the process takes seconds to open, and more on a busy machine.
    hookTimeout: 120_000,
    // Retries are logged as warnings, and many tests retry.
    silent: "passed-only",
    // By default vitest leaves one core alone, and of two that is half.
    maxWorkers: "100%"
  }
})
