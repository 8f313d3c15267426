import { expect, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { version } from "../src/internal/client/version.js"

it("says the version of package.json to the server", () => {
  const manifest = JSON.parse(Fs.readFileSync(Path.join(import.meta.dirname, "..", "package.json"), "utf8"))
  expect(version).toBe(manifest.version)
})

it("names where it lives, and links from the README to what is there", () => {
  const root = Path.join(import.meta.dirname, "..")
  const { bugs, homepage, repository } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8"))
  const home = repository.url.replace(/^git\+/, "").replace(/\.git$/, "")
  expect(home).toMatch(/^https:\/\/github\.com\/[\w-]+\/effect-suprsend$/)
  expect([bugs.url, homepage]).toEqual([`${home}/issues`, `${home}#readme`])
  // On npm, relative links lead into the repository.
  const readme = Fs.readFileSync(Path.join(root, "README.md"), "utf8")
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link = ""]) => link)
  expect(links.length).toBeGreaterThan(5)
  expect(links.filter((link) => !Fs.existsSync(Path.join(root, link)))).toEqual([])
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
const optional = new Set([
  "Backfill",
  "BackfillError",
  "BackfillLedger",
  "BackfillLedgerPGlite",
  "BackfillWorkflow",
  "RateLimiterRedis",
  "SandboxServer",
  "SuprsendNode"
])
