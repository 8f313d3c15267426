import { describe, expect, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"

const root = Path.join(import.meta.dirname, "..")
const read = (name: string) => Fs.readFileSync(Path.join(root, name), "utf8")
const fencesOf = (page: string) =>
  [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({ language, code: code ?? "" }))

const readme = read("README.md")
const fences = fencesOf(readme)

// The examples are compiled with the rest, and run by vitest where they are tests.
const folder = Path.join(root, "docs", "examples")
const examples = new Map(Fs.readdirSync(folder).map((name) => [Fs.readFileSync(Path.join(folder, name), "utf8"), name]))

describe("README", () => {
  it("shows no TypeScript but that of docs/examples", () => {
    const shown = fences.filter(({ language }) => language === "ts").map(({ code }) => examples.get(code))
    expect(shown).toEqual(["sign-up.ts", "sign-up.test.ts"])
  })

  it("names the versions of what it installs, as package.json has them", () => {
    const { peerDependencies, version } = JSON.parse(read("package.json"))
    const minor = (range: string) => /\d+\.\d+/.exec(range)?.[0]
    expect(readme).toContain(
      `npm install effect-suprsend@${minor(version)} effect@${minor(peerDependencies.effect)} ` +
        `@effect/platform@${minor(peerDependencies["@effect/platform"])}`
    )
  })

  it("begins with the two commands", () => {
    const commands = fences.filter(({ language }) => language === "sh").map(({ code }) => code.trim())
    expect(commands.slice(0, 2)).toEqual(["npm ci && npm start", "npm ci && npm test"])
  })
})

it("every test that a guide shows is one that runs", () => {
  const guides = Fs.readdirSync(Path.join(root, "docs", "guides")).map((name) =>
    read(Path.join("docs", "guides", name))
  )
  const shown = guides.flatMap(fencesOf).filter(({ code }) => code.includes("@effect/vitest"))
  expect(shown.map(({ code }) => examples.get(code))).toEqual([
    "visits.test.ts",
    "deliveries.test.ts",
    "tagging.test.ts",
    "upgrade.test.ts",
    "one-limiter.test.ts"
  ])
})

it("the page without Effect shows nothing but programs that run", () => {
  const shown = fencesOf(read("docs/guides/without-effect.md")).filter(({ language }) => language === "ts")
  expect(shown.map(({ code }) => examples.get(code))).toEqual(["server.ts", "one-limiter.test.ts"])
})
