// Writes the reference, docs/modules/**, from the comments in src/, and type-checks the examples in them and in the pages.
//
// docgen does the first and fails where a comment lacks its description or @since. It must not write to docs/ itself: it
// removes <outDir>/examples, and docs/examples is written by hand. It also executes each example (there is no setting
// that type-checks only), and an example that would send a request is no use without a network. So docgen writes to a
// directory of its own, without examples, and these are checked below, under the compiler options of the project.
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { failOnDiagnostics } from "./diagnostics.mjs"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const src = path.join(root, "src")
const output = path.join(root, ".docgen")

const generate = () => {
  const docgen = createRequire(import.meta.url).resolve("@effect/docgen/bin.cjs")
  const { status } = spawnSync(process.execPath, [docgen], {
    cwd: root,
    env: { ...process.env, DOCGEN_RUN_EXAMPLES: "false" },
    stdio: "inherit"
  })
  if (status !== 0) throw new Error("docgen failed")
}

/** The ```ts fences in the comments of a file, each with the number of lines before it. */
const examplesOf = (file, text) => {
  const examples = []
  const lines = text.split("\n")
  let example
  for (const [index, line] of lines.entries()) {
    if (example !== undefined && /^\s*\* ```\s*$/.test(line)) {
      examples.push(example)
      example = undefined
    } else if (example !== undefined) {
      example.lines.push(line.replace(/^\s*\* ?/, ""))
    } else if (/^\s*\* ```(ts|typescript)\b/.test(line)) {
      example = { linesBefore: index + 1, lines: [] }
    } else if (/^\s*\* @example\b/.test(line) && !/^\s*\* ```ts\s*$/.test(lines[index + 1] ?? "")) {
      // docgen would print whatever follows as code, and nothing would check it.
      throw new Error(`src/${file}(${index + 1}): @example must be followed by a line with \`\`\`ts`)
    }
  }
  if (example !== undefined) throw new Error(`src/${file}(${example.linesBefore}): this fence is never closed`)
  return examples
}

/** The pages that are written by hand. */
const pages = () => [
  "README.md",
  ...fs.readdirSync(path.join(root, "docs"), { recursive: true })
    .filter((name) => name.endsWith(".md") && !name.startsWith("modules"))
    .map((name) => path.join("docs", name))
]

/** The ```ts fences of a page, each with the number of lines before it. */
const fencesOf = (page) => {
  const fences = []
  let fence
  for (const [index, line] of fs.readFileSync(path.join(root, page), "utf8").split("\n").entries()) {
    if (fence === undefined && line === "```ts") fence = { linesBefore: index + 1, lines: [] }
    else if (fence !== undefined && line === "```") {
      fences.push(fence)
      fence = undefined
    } else fence?.lines.push(line)
  }
  return fences
}

const checkExamples = () => {
  const { options } = ts.getParsedCommandLineOfConfigFile(
    path.join(root, "tsconfig.json"),
    // An example may well name a value and leave it at that.
    { noEmit: true, noUnusedLocals: false, noUnusedParameters: false },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => failOnDiagnostics([diagnostic], root) }
  )
  // Each example is a file of its own that exists in memory only, beside the module that it documents. Empty lines in
  // front of it make the compiler name the very line of the source where a mistake is.
  const examples = new Map()
  // What a page shows of docs/examples is compiled there, beside what it imports.
  const folder = path.join(root, "docs", "examples")
  const programs = new Set(fs.readdirSync(folder).map((name) => fs.readFileSync(path.join(folder, name), "utf8")))
  for (const page of pages()) {
    for (const { lines, linesBefore } of fencesOf(page)) {
      if (programs.has(`${lines.join("\n")}\n`)) continue
      const name = path.join(root, `${page}.example-${linesBefore}.ts`).split(path.sep).join("/")
      examples.set(name, "\n".repeat(linesBefore) + lines.join("\n"))
    }
  }
  for (const file of fs.readdirSync(src, { recursive: true }).filter((name) => name.endsWith(".ts")).sort()) {
    for (const { lines, linesBefore } of examplesOf(file, fs.readFileSync(path.join(src, file), "utf8"))) {
      const name = path.join(src, `${file.slice(0, -".ts".length)}.example-${linesBefore}.ts`).split(path.sep).join("/")
      examples.set(name, "\n".repeat(linesBefore) + lines.join("\n"))
    }
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, getSourceFile, readFile } = host
  host.fileExists = (name) => examples.has(name) || fileExists(name)
  host.readFile = (name) => examples.get(name) ?? readFile(name)
  host.getSourceFile = (name, languageVersion, ...rest) =>
    examples.has(name)
      ? ts.createSourceFile(name, examples.get(name), languageVersion)
      : getSourceFile(name, languageVersion, ...rest)
  const program = ts.createProgram([...examples.keys()], options, host)
  failOnDiagnostics(
    [...examples.keys()].map((name) => program.getSourceFile(name)).flatMap((source) => [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source)
    ]),
    root,
    "An example does not type-check"
  )
  return examples.size
}

const attempt = (step) => {
  try {
    return step()
  } catch (error) {
    console.error(error instanceof Error ? error.message.replaceAll(/\.example-\d+(?=\.ts)/g, "") : error)
    process.exitCode = 1
  }
}

fs.rmSync(output, { recursive: true, force: true })
// Both are always done, so that one run names everything that is wrong.
attempt(generate)
const count = attempt(checkExamples)
if (process.exitCode === undefined) {
  const modules = path.join(root, "docs", "modules")
  fs.rmSync(modules, { recursive: true, force: true })
  fs.cpSync(path.join(output, "modules"), modules, { recursive: true })
  console.log(`Wrote docs/modules; ${count} examples type-check`)
}
fs.rmSync(output, { recursive: true, force: true })
