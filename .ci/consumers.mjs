// Uses the package as its users do: packed, installed in an empty project, imported by name.
//
// It needs dist/ (`npm run build`), but no registry: the peer dependencies are links into this project's node_modules.
// What a consumer can reach is exactly what package.json declares, so an import that was not declared is found here.
import { execFileSync, spawnSync } from "node:child_process"
import fs from "node:fs"
import { createRequire } from "node:module"
import os from "node:os"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { failOnDiagnostics } from "./diagnostics.mjs"

// Another version, to see whether the declarations are understood by it: CONSUMERS_TYPESCRIPT=/path/to/node_modules/typescript
const { default: ts } = await import(
  process.env.CONSUMERS_TYPESCRIPT === undefined
    ? "typescript"
    : pathToFileURL(path.join(process.env.CONSUMERS_TYPESCRIPT, "lib", "typescript.js")).href
)

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const windows = process.platform === "win32"

/** The public modules: every src/*.ts but the index, so that none is forgotten here. */
const modules = fs.readdirSync(path.join(root, "src"))
  .filter((file) => file.endsWith(".ts") && file !== "index.ts")
  .map((file) => path.basename(file, ".ts"))
  .sort()

// ---------------------------------------------------------------------------------------------------------------------
// What the consumers do. Add a line here to have it checked everywhere.
// ---------------------------------------------------------------------------------------------------------------------

/** Runs in ESM and in CommonJS, after `load(subpath)` and `index` (the namespaces of effect-suprsend) were defined. */
const runs = (subpaths) => `
  for (const name of ${JSON.stringify(subpaths)}) {
    const module = await load(name)
    // The index must hand out the very same values as the subpath, not a second copy of them.
    for (const key of Object.keys(index[name] ?? {})) {
      if (key !== "default" && key !== "__esModule") assert.equal(index[name][key], module[key], name + "." + key)
    }
  }
  assert.equal(typeof index.UserEdit.edit, "function")
  assert.equal(index.UserEdit.edit("user-42").distinctId, "user-42")
`

/** Type-checks in every flavour of module resolution, beside the files of `fixtures`. */
const typeChecks = (subpaths) => `
${subpaths.map((name) => `import * as ${name} from "effect-suprsend/${name}"`).join("\n")}
import * as Index from "effect-suprsend"

export const everything = [Index, ${subpaths.join(", ")}] as const
export const edit: Index.UserEdit.UserEdit = Index.UserEdit.edit("user-42")
`

const flavours = [
  { name: "node16 ESM", extension: "mts", module: "node16", moduleResolution: "node16", resolvesTo: "esm" },
  { name: "node16 CommonJS", extension: "cts", module: "node16", moduleResolution: "node16", resolvesTo: "cjs" },
  { name: "nodenext ESM", extension: "mts", module: "nodenext", moduleResolution: "nodenext", resolvesTo: "esm" },
  { name: "nodenext CommonJS", extension: "cts", module: "nodenext", moduleResolution: "nodenext", resolvesTo: "cjs" },
  { name: "bundler", extension: "ts", module: "esnext", moduleResolution: "bundler", resolvesTo: "esm" }
]

// Each setting is on in one of these and off in another. Ours are on everywhere else in this project, so that nothing would
// notice that a declaration needs one of them.
const settings = [
  { name: "strict", lib: ["es2022"], options: { strict: true } },
  {
    name: "strict and more, with the DOM",
    lib: ["es2022", "dom", "dom.iterable"],
    options: {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
      noImplicitOverride: true,
      isolatedModules: true
    },
    // What is imported from a CommonJS module must then be written with \`require\`.
    esmOptions: { verbatimModuleSyntax: true }
  }
]

// ---------------------------------------------------------------------------------------------------------------------
// Helpers
// ---------------------------------------------------------------------------------------------------------------------

const fail = (message) => {
  throw new Error(message)
}

const check = (name, body) => {
  body()
  console.log(`  ok  ${name}`)
}

const run = (command, args, cwd) => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { cwd, encoding: "utf8" })
  if (error !== undefined || status !== 0) {
    fail(
      `${[path.basename(command), ...args].join(" ")} failed in ${cwd}\n${error ?? ""}${stdout ?? ""}${stderr ?? ""}`
    )
  }
  return stdout
}

const pack = (directory) => {
  // The answer is not parsed: its shape differs between versions of npm. There is one tarball in the directory.
  execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", directory], {
    cwd: root,
    shell: windows,
    stdio: ["ignore", "ignore", "inherit"]
  })
  return fs.readdirSync(directory).find((file) => file.endsWith(".tgz")) ?? fail("npm pack wrote no tarball")
}

/** A project with the packed package and the given peers, and nothing else, in its node_modules. */
const makeConsumer = (directory, packed, peers) => {
  fs.cpSync(packed, path.join(directory, "node_modules", "effect-suprsend"), { recursive: true })
  fs.writeFileSync(path.join(directory, "package.json"), `{ "private": true }\n`)
  for (const peer of peers) {
    const installed = path.join(root, "node_modules", peer)
    if (!fs.existsSync(installed)) fail(`The peer dependency ${peer} is not installed: add it to devDependencies`)
    const link = path.join(directory, "node_modules", peer)
    fs.mkdirSync(path.dirname(link), { recursive: true })
    fs.symlinkSync(installed, link, windows ? "junction" : "dir")
  }
  return directory
}

// ---------------------------------------------------------------------------------------------------------------------
// The checks
// ---------------------------------------------------------------------------------------------------------------------

const checkTarball = (packed, manifest) => {
  check("the tarball holds the build, the sources and the papers, nothing else", () => {
    const files = fs.readdirSync(packed, { recursive: true })
      .filter((file) => fs.statSync(path.join(packed, file)).isFile())
      .map((file) => file.split(path.sep).join("/"))
    const papers = ["package.json", "README.md", "LICENSE", "CHANGELOG.md"]
    const foreign = files.filter((file) => !/^(dist|src)\//.test(file) && !papers.includes(file))
    if (foreign.length > 0) fail(`Files that do not belong in the tarball: ${foreign.join(", ")}`)
    const missing = papers.filter((file) => !files.includes(file))
    if (missing.length > 0) fail(`Files missing from the tarball: ${missing.join(", ")}`)
    const stray = files.filter((file) => /\.(test|tst|spec)\.|\.tsbuildinfo$/.test(file))
    if (stray.length > 0) fail(`Test files in the tarball: ${stray.join(", ")}`)
  })
  check("it installs no dependencies and runs no scripts", () => {
    for (const field of ["dependencies", "optionalDependencies", "bundleDependencies", "bundledDependencies"]) {
      if (Object.keys(manifest[field] ?? {}).length > 0) fail(`package.json has ${field}`)
    }
    for (const script of ["preinstall", "install", "postinstall"]) {
      if (manifest.scripts?.[script] !== undefined) fail(`package.json has a script ${script}`)
    }
  })
}

const checkAttw = (tarball) =>
  check("attw resolves every subpath", () => {
    // With "./*" in exports, `attw --pack` sees the index only.
    const attw = path.join(root, "node_modules", "@arethetypeswrong", "cli", "dist", "index.js")
    run(process.execPath, [attw, tarball, "--profile", "node16", "--include-entrypoints", ...modules], root)
  })

const checkRuns = (directory, subpaths) => {
  check("ESM: import runs", () => {
    fs.writeFileSync(
      path.join(directory, "run.mjs"),
      `import assert from "node:assert/strict"
import * as index from "effect-suprsend"
import { UserEdit } from "effect-suprsend"
assert.equal(UserEdit, index.UserEdit)
const load = (name) => import("effect-suprsend/" + name)
${runs(subpaths)}`
    )
    run(process.execPath, ["run.mjs"], directory)
  })
  check("CommonJS: require runs", () => {
    fs.writeFileSync(
      path.join(directory, "run.cjs"),
      `const assert = require("node:assert/strict")
const index = require("effect-suprsend")
const load = (name) => require("effect-suprsend/" + name)
const main = async () => {${runs(subpaths)}}
main().catch((error) => {
  console.error(error)
  process.exit(1)
})
`
    )
    run(process.execPath, ["run.cjs"], directory)
  })
}

const checkRefused = (directory, packed) => {
  const internal = fs.readdirSync(path.join(packed, "dist", "esm", "internal"), { recursive: true })
    .filter((file) => file.endsWith(".js"))
    .map((file) => `internal/${file.slice(0, -".js".length)}`)
  const refused = ["index", ...internal]
  check(`internal modules are refused (${internal.length})`, () => {
    fs.writeFileSync(
      path.join(directory, "refused.mjs"),
      `import assert from "node:assert/strict"
import { createRequire } from "node:module"
const require = createRequire(import.meta.url)
const code = { code: "ERR_PACKAGE_PATH_NOT_EXPORTED" }
for (const name of ${JSON.stringify(refused)}) {
  await assert.rejects(import("effect-suprsend/" + name), code, "import " + name)
  assert.throws(() => require("effect-suprsend/" + name), code, "require " + name)
}
`
    )
    run(process.execPath, ["refused.mjs"], directory)
  })
}

/** The files of `fixtures` that compile under a setting, in a consumer's folder. */
const writeFixtures = (directory, extension, lib) =>
  ["rows", ...(lib.includes("dom") ? ["browser"] : [])].map((name) => {
    const file = path.join(directory, `${name}.${extension}`)
    fs.copyFileSync(path.join(root, ".ci", "fixtures", `${name}.ts`), file)
    return file
  })

const checkTypes = (directory, subpaths, settings) => {
  const installed = path.join(directory, "node_modules", "effect-suprsend") + path.sep
  for (const { extension, module, moduleResolution, name, resolvesTo } of flavours) {
    for (const { esmOptions, lib, name: setting, options: compilerOptions } of settings) {
      check(`TypeScript ${ts.version}: ${name}, ${setting}`, () => {
        const main = path.join(directory, `main.${extension}`)
        fs.writeFileSync(main, typeChecks(subpaths))
        const files = [main, ...writeFixtures(directory, extension, lib)]
        const { errors, options } = ts.convertCompilerOptionsFromJson({
          module,
          moduleResolution,
          target: "es2022",
          lib,
          // No ambient types: ours must not lean on @types/node.
          types: [],
          ...compilerOptions,
          ...(resolvesTo === "esm" ? esmOptions : {}),
          noEmit: true,
          skipLibCheck: false
        }, directory)
        failOnDiagnostics(errors, directory)
        const program = ts.createProgram(files, options)
        const ours = program.getSourceFiles().filter((source) => path.normalize(source.fileName).startsWith(installed))
        const wrong = ours.filter((source) => !source.fileName.includes(`/dist/${resolvesTo}/`))
        if (ours.length === 0 || wrong.length > 0) {
          fail(`Expected declarations from dist/${resolvesTo}: ${wrong.map((source) => source.fileName).join(", ")}`)
        }
        // The consumer's own files and our declarations; those of other packages are not for us to check.
        const checked = [...files.map((file) => program.getSourceFile(file)), ...ours]
        failOnDiagnostics(
          [
            ...program.getOptionsDiagnostics(),
            ...checked.flatMap((source) => [
              ...program.getSyntacticDiagnostics(source),
              ...program.getSemanticDiagnostics(source)
            ])
          ],
          directory,
          `The package does not type-check for a consumer with ${name}, ${setting}`
        )
      })
    }
  }
}

// The real path, because Node and TypeScript follow links and would otherwise see the temporary folder under two names.
const temporary = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "effect-suprsend-")))
try {
  const tarball = path.join(temporary, pack(temporary))
  execFileSync("tar", ["-xzf", path.basename(tarball)], { cwd: temporary })
  const packed = path.join(temporary, "package")
  const manifest = createRequire(import.meta.url)(path.join(packed, "package.json"))
  const peers = Object.keys(manifest.peerDependencies ?? {})
  const required = peers.filter((peer) => manifest.peerDependenciesMeta?.[peer]?.optional !== true)

  console.log("The package")
  checkTarball(packed, manifest)
  checkAttw(tarball)

  console.log(`A consumer with ${required.join(", ")}`)
  // The index alone, which must not need an optional peer, and the subpaths that everyone can have.
  const minimal = makeConsumer(path.join(temporary, "minimal"), packed, required)
  checkRuns(minimal, ["UserEdit", "Suprsend"])
  checkRefused(minimal, packed)
  checkTypes(minimal, ["UserEdit", "Suprsend"], settings.slice(0, 1))
  check("the command says what it needs", () => {
    const bin = path.join(minimal, "node_modules", "effect-suprsend", manifest.bin["effect-suprsend"])
    const { status, stderr } = spawnSync(process.execPath, [bin, "sandbox"], { cwd: minimal, encoding: "utf8" })
    if (status !== 1 || !/npm install --save-dev @effect\/cli@/.test(stderr)) fail(`It said: ${status} ${stderr}`)
  })

  console.log(`A consumer with ${peers.join(", ")}: every module (${modules.join(", ")})`)
  const full = makeConsumer(path.join(temporary, "full"), packed, peers)
  checkRuns(full, modules)
  checkTypes(full, modules, settings)
  check("the command runs", () => {
    const bin = path.join(full, "node_modules", "effect-suprsend", manifest.bin["effect-suprsend"])
    const said = run(process.execPath, [bin, "sandbox", "--help"], full)
    if (!said.includes("--port")) fail(`It said: ${said}`)
  })
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  fs.rmSync(temporary, { recursive: true, force: true })
}
