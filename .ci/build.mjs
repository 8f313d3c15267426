// Builds dist/: ESM and CommonJS, each with its own declarations beside it.
//
//   dist/esm   tsc, then babel marks the top-level calls as pure, so that bundlers can drop what is not used, then rollup joins the
//              modules that are used together: to load a hundred files takes longer than to run what is in them
//   dist/cjs   the same modules as CommonJS; a package.json there says so, because the package itself is a module
//
// One set of declarations for both would be wrong: TypeScript takes a .d.ts for the format of the nearest package.json.
import babel from "@babel/core"
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { rollup } from "rollup"
import ts from "typescript"
import { failOnDiagnostics } from "./diagnostics.mjs"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const dist = path.join(root, "dist")
const esm = path.join(dist, "esm")
const cjs = path.join(dist, "cjs")

/** The files under `directory` that end in `extension`, relative to it. */
const filesIn = (directory, extension) =>
  fs.readdirSync(directory, { recursive: true }).filter((file) => file.endsWith(extension)).sort()

const compile = () => {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc")
  const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" })
  if (status !== 0) process.exit(status ?? 1)
}

// The page of the sandbox: read from src/ when the sandbox runs from source, and part of a module in the package. Only there do the
// files have a fixed place beside their module: rollup moves modules, and CommonJS has no `import.meta`.
const inlinePage = () => {
  const server = path.join("internal", "sandbox", "server")
  const module = path.join(esm, server, "assets.js")
  const asset = (name, file) => {
    const text = fs.readFileSync(path.join(root, "src", server, "page", file), "utf8")
    return `export const ${name} = ${JSON.stringify(text)};`
  }
  fs.writeFileSync(
    module,
    [
      asset("html", "page.html"),
      asset("css", "page.css"),
      asset("script", "page.js"),
      `//# sourceMappingURL=${path.basename(module)}.map\n`
    ].join("\n")
  )
}

const transform = async (from, to, plugins) => {
  for (const file of filesIn(from, ".js")) {
    const target = path.join(to, file)
    // babel follows the source map that tsc wrote, so the new one still leads to src/. Both directories are equally deep.
    const { code, map } = await babel.transformFileAsync(path.join(from, file), {
      babelrc: false,
      configFile: false,
      compact: false,
      plugins,
      sourceMaps: true
    })
    fs.mkdirSync(path.dirname(target), { recursive: true })
    fs.writeFileSync(target, `${code}\n//# sourceMappingURL=${path.basename(file)}.map\n`)
    fs.writeFileSync(`${target}.map`, JSON.stringify({ ...map, file: path.basename(file) }))
  }
}

// The modules that people import, and the command.
const entries = () => {
  const { bin } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"))
  const modules = fs.readdirSync(esm).filter((file) => file.endsWith(".js"))
  return [...modules, ...Object.values(bin).map((file) => path.relative(esm, path.join(root, file)))]
}

/** Everything that a module imports, directly or not, and the module. */
const reachable = (id, getModuleInfo, seen = new Set()) => {
  if (seen.has(id)) return seen
  seen.add(id)
  for (const imported of getModuleInfo(id)?.importedIds ?? []) reachable(imported, getModuleInfo, seen)
  return seen
}

/**
 * What is loaded together: edits, which need nothing of a client; the client; the sandbox. What only one entry needs, such as undici, stays
 * with it.
 */
const groupOf = (id, { getModuleInfo }) => {
  const of = (module) => reachable(path.join(esm, module), getModuleInfo).has(id)
  if (of("UserEdit.js")) return "edits"
  if (of("UsersService.js") || of("PreferencesService.js") || of("Transport.js")) return "client"
  return of("Sandbox.js") ? "sandbox" : undefined
}

const join = async () => {
  const joined = path.join(dist, "joined")
  const bundle = await rollup({
    input: Object.fromEntries(entries().map((file) => [file.replace(/\.js$/, ""), path.join(esm, file)])),
    external: (id) => !id.startsWith(".") && !path.isAbsolute(id),
    // Nothing is dropped: that is for those who bundle.
    treeshake: false,
    preserveEntrySignatures: "strict",
    plugins: [{
      name: "source-maps",
      load: (file) => ({
        code: fs.readFileSync(file, "utf8"),
        map: JSON.parse(fs.readFileSync(`${file}.map`, "utf8"))
      })
    }],
    onwarn: (warning) => {
      // A module of types alone has nothing to run.
      if (warning.code !== "CIRCULAR_DEPENDENCY" && warning.code !== "EMPTY_BUNDLE") throw new Error(warning.message)
    }
  })
  const { output } = await bundle.write({
    dir: joined,
    format: "es",
    sourcemap: true,
    sourcemapExcludeSources: true,
    hoistTransitiveImports: false,
    manualChunks: groupOf,
    chunkFileNames: "internal/joined/[name].js"
  })
  for (const file of [...filesIn(esm, ".js"), ...filesIn(esm, ".js.map")]) fs.rmSync(path.join(esm, file))
  fs.cpSync(joined, esm, { recursive: true })
  fs.rmSync(joined, { recursive: true })
  return output.filter(({ type }) => type === "chunk").length
}

const copyDeclarations = () => {
  for (const file of [...filesIn(esm, ".d.ts"), ...filesIn(esm, ".d.ts.map")]) {
    fs.mkdirSync(path.dirname(path.join(cjs, file)), { recursive: true })
    fs.copyFileSync(path.join(esm, file), path.join(cjs, file))
  }
}

// An `any` in a public type switches the compiler off for whoever uses it.
const refuseAny = (node, file) => {
  if (node.kind === ts.SyntaxKind.AnyKeyword) throw new Error(`${file} exports \`any\`: ${node.parent.getText()}`)
  ts.forEachChild(node, (child) => refuseAny(child, file))
}

// `stripInternal` removes every declaration marked @internal, also one that a public declaration still refers to. tsc
// does not notice, and most users would not either (skipLibCheck makes such a type `any`): so look at what was written.
const checkDeclarations = () => {
  const { options } = ts.getParsedCommandLineOfConfigFile(
    path.join(root, "tsconfig.build.json"),
    { noEmit: true, skipLibCheck: false },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => failOnDiagnostics([diagnostic], root) }
  )
  for (const directory of [esm, cjs]) {
    const files = filesIn(directory, ".d.ts").map((file) => path.join(directory, file))
    const program = ts.createProgram(files, { ...options, rootDir: root })
    failOnDiagnostics(
      // Ours only: the declarations of a dependency are not for us to check.
      files.flatMap((file) => {
        const source = program.getSourceFile(file)
        refuseAny(source, path.relative(root, file))
        return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      }),
      root,
      "The declarations that were built do not type-check. Is something marked @internal that a public type needs?"
    )
  }
}

try {
  fs.rmSync(dist, { recursive: true, force: true })
  compile()
  inlinePage()
  await transform(esm, esm, ["annotate-pure-calls"])
  await transform(esm, cjs, ["@babel/transform-export-namespace-from", "@babel/transform-modules-commonjs"])
  copyDeclarations()
  const modules = filesIn(esm, ".js").length
  const files = await join()
  fs.writeFileSync(path.join(cjs, "package.json"), `${JSON.stringify({ type: "commonjs" }, null, 2)}\n`)
  checkDeclarations()
  console.log(`Built ${modules} modules into dist/cjs, and into ${files} files of dist/esm`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
