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
    expect(shown).toEqual(["sign-up.ts", "main.ts", "main-of-promises.ts", "sign-up.test.ts"])
  })

  it("names the versions of what it installs, as package.json has them", () => {
    const { devDependencies, peerDependencies, version } = JSON.parse(read("package.json"))
    const minor = (range: string) => /\d+\.\d+/.exec(range)?.[0]
    const versions = { "effect-suprsend": version, ...devDependencies, ...peerDependencies }
    const named = (...names: ReadonlyArray<string>) => names.map((name) => `${name}@${minor(versions[name])}`).join(" ")
    expect(readme).toContain(
      `npm install ${named("effect-suprsend", "effect", "@effect/platform", "@effect/platform-node")}\n`
    )
    expect(readme).toContain(`npm install --save-dev ${named("vitest", "@effect/vitest", "tsx")}\n`)
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

it.each([
  ["guides/without-effect.md", ["server.ts", "one-limiter.test.ts"]],
  ["migration-from-node-sdk.md", ["edit", "dates", "bulk", "errors", "shapes"].map((name) => `from-node-${name}.ts`)],
  ["migration-from-python-sdk.md", ["edit", "bulk", "preferences"].map((name) => `from-python-${name}.ts`)]
])("%s shows nothing but programs that run", (page, names) => {
  const shown = fencesOf(read(Path.join("docs", page))).filter(({ language }) => language === "ts")
  expect(shown.map(({ code }) => examples.get(code))).toEqual(names)
})

it("the guide to backfills names the versions of what it installs, and shows programs that run", () => {
  const { devDependencies, peerDependencies, version } = JSON.parse(read("package.json"))
  const minor = (range: string) => /\d+\.\d+/.exec(range)?.[0]
  const versions = { "effect-suprsend": version, ...devDependencies, ...peerDependencies }
  const guide = fencesOf(read("docs/guides/backfill.md"))
  const installed = guide.filter(({ code, language }) => language === "sh" && code.includes("npm install")).flatMap(
    ({ code }) => code.match(/(?<= )@?[\w/-]+@[\d.]+/g) ?? []
  )
  expect(installed.length).toBeGreaterThan(15)
  expect(installed).toEqual(
    installed.map((text) => text.slice(0, text.lastIndexOf("@"))).map((name) => `${name}@${minor(versions[name])}`)
  )
  const shown = guide.flatMap(({ code }) => examples.get(code) ?? [])
  expect(shown).toEqual(["backfill.ts", "backfill-plans.ts", "backfill-runner.ts", "backfill-start.ts"])
})

it("every guide is in the index", () => {
  const index = read("docs/index.md")
  for (const name of Fs.readdirSync(Path.join(root, "docs", "guides"))) expect(index).toContain(`](guides/${name})`)
})
