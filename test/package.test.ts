import { expect, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { version } from "../src/internal/version.js"

it("says the version of package.json to the server", () => {
  const manifest = JSON.parse(Fs.readFileSync(Path.join(import.meta.dirname, "..", "package.json"), "utf8"))
  expect(version).toBe(manifest.version)
})

it("has every public module in the index", () => {
  const src = Path.join(import.meta.dirname, "..", "src")
  const modules = Fs.readdirSync(src).filter((name) => name.endsWith(".ts") && name !== "index.ts")
  const index = Fs.readFileSync(Path.join(src, "index.ts"), "utf8")
  for (const name of modules.map((file) => Path.basename(file, ".ts")).filter((name) => !optional.has(name))) {
    expect(index).toContain(`export * as ${name} from "./${name}.js"\n`)
  }
})

// These need an optional peer, and are reached by their subpath only.
const optional = new Set(["SandboxServer", "SuprsendNode"])
