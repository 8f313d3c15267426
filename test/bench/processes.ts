// Starts the sink and the children, and plays the rounds.
import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as Path from "node:path"
import ts from "typescript"
import type { Job } from "./child.js"
import { type Case, type Plan, Sample } from "./results.js"

export class BenchError extends Data.TaggedError("BenchError")<{ readonly message: string }> {}

const root = Path.join(import.meta.dirname, "..", "..")
const modules = Path.join(root, "node_modules")

/**
 * Translates the package and this folder once, module by module, so that a child is plain Node running plain modules: with a
 * loader in it, the memory and the start of the compiler would be measured too. The directory is a package called like ours,
 * so that `effect-suprsend/*` leads to its modules just as it does when the package is installed.
 */
const compile = (root: string) =>
  Effect.gen(function*() {
    const directory = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped({
      prefix: "effect-suprsend-bench-"
    })
    for (const part of ["src", "test/bench"]) {
      for (const file of Fs.readdirSync(Path.join(root, part), { recursive: true, encoding: "utf8" })) {
        if (!file.endsWith(".ts")) continue
        const { outputText } = ts.transpileModule(Fs.readFileSync(Path.join(root, part, file), "utf8"), {
          compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true }
        })
        const target = Path.join(directory, part, file.replace(/ts$/, "js"))
        Fs.mkdirSync(Path.dirname(target), { recursive: true })
        Fs.writeFileSync(target, outputText)
      }
    }
    const exports = { ".": "./src/index.js", "./*": "./src/*.js" }
    Fs.writeFileSync(
      Path.join(directory, "package.json"),
      JSON.stringify({ name: "effect-suprsend", type: "module", exports })
    )
    Fs.symlinkSync(modules, Path.join(directory, "node_modules"))
    // For imports, the package as it is built, where a program that installs it has it: outside of the directory above, whose
    // modules would otherwise find themselves under the name of the package.
    const program = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped({
      prefix: "effect-suprsend-program-"
    })
    Fs.mkdirSync(Path.join(program, "node_modules"), { recursive: true })
    Fs.symlinkSync(root, Path.join(program, "node_modules", "effect-suprsend"))
    for (const scope of ["effect", "@effect"]) {
      Fs.symlinkSync(Path.join(modules, scope), Path.join(program, "node_modules", scope))
    }
    Fs.copyFileSync(Path.join(directory, "test", "bench", "import.js"), Path.join(program, "import.mjs"))
    return (module: string) =>
      module === "import.js" ? Path.join(program, "import.mjs") : Path.join(directory, "test", "bench", module)
  })

/** The tree of another commit, for the contender "ours, before". */
const compileCommit = (commit: string) =>
  Effect.gen(function*() {
    const tree = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped({ prefix: "effect-suprsend-before-" })
    const archive = Path.join(tree, "tree.tar")
    const git = Command.make("git", "-C", root, "archive", "--output", archive, commit, "src", "test/bench")
    for (const command of [git, Command.make("tar", "-xf", archive, "-C", tree)]) {
      const end = yield* Command.exitCode(Command.stderr(command, "inherit"))
      if (end !== 0) {
        return yield* new BenchError({
          message: `Commit ${commit} is not here: fetch it, or name another with --before`
        })
      }
    }
    // What it does is the same as now, with the package as it was.
    for (const module of ["contenders/ours.ts", "record.ts"]) {
      Fs.copyFileSync(Path.join(root, "test", "bench", module), Path.join(tree, "test", "bench", module))
    }
    return yield* compile(tree)
  })

const startSink = (file: string) =>
  Effect.gen(function*() {
    const process = yield* Command.start(
      Command.make(globalThis.process.execPath, file).pipe(Command.stderr("inherit"))
    )
    const url = yield* process.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.runHead)
    return yield* Option.match(url, {
      onNone: () => new BenchError({ message: "The sink did not start" }),
      onSome: Effect.succeed
    })
  })

const Tally = Schema.parseJson(Schema.Struct({
  requests: Schema.Number,
  refused: Schema.Number,
  bytes: Schema.Number,
  sustained: Schema.Number,
  people: Schema.Number,
  wrong: Schema.Array(Schema.String)
}))

const askSink = (method: "GET" | "POST", url: string) =>
  Effect.tryPromise({
    try: (signal) => fetch(url, { method, signal }).then((response) => response.text()),
    catch: (error) => new BenchError({ message: `The sink does not answer: ${error}` })
  }).pipe(Effect.flatMap(Schema.decode(Tally)))

const runChild = (file: string, job: Job) =>
  Effect.scoped(Effect.gen(function*() {
    const process = yield* Command.make(globalThis.process.execPath, file, JSON.stringify(job)).pipe(
      Command.stderr("inherit"),
      Command.start
    )
    const output = yield* process.stdout.pipe(Stream.decodeText(), Stream.mkString)
    // It fails where a signal ended the process: out of memory, Node aborts.
    const end = yield* Effect.merge(process.exitCode)
    if (end !== 0) return yield* new BenchError({ message: `${job.task} of ${job.contender} ended with ${end}` })
    return yield* Schema.decode(Schema.parseJson(Sample))(output)
  }))

const sendNothing: ReadonlyArray<string> = ["building", "verbs", "import"]

/** Builds the package as it is installed. */
const build = Effect.gen(function*() {
  const end = yield* Command.exitCode(
    Command.make(globalThis.process.execPath, Path.join(root, ".ci", "build.mjs")).pipe(Command.stderr("inherit"))
  )
  if (end !== 0) return yield* new BenchError({ message: "The package cannot be built" })
})

/** Plays plans against a sink, as long as the scope lives. */
export const makePlayer = (before: string | undefined) =>
  Effect.gen(function*() {
    const fileOf = yield* compile(root)
    const fileBefore = before === undefined ? undefined : yield* compileCommit(before)
    const url = yield* startSink(fileOf("sink.js"))

    const once = ({ latency, limit, ...job }: Plan, verify: boolean) =>
      Effect.gen(function*() {
        const options = new URLSearchParams({ latency: `${latency}` })
        if (limit > 0) options.set("limit", `${limit}`)
        if (verify) options.set("verify", "")
        yield* askSink("POST", `${url}sink?${options}`)
        const [contender, age] = job.contender.split(", before")
        const sample = yield* runChild(
          (age !== undefined && fileBefore !== undefined ? fileBefore : fileOf)(
            job.task === "import" ? "import.js" : "child.js"
          ),
          { ...job, contender: contender ?? job.contender, url }
        )
        return { sample, tally: yield* askSink("GET", `${url}sink`) }
      })

    /** That nobody is quick by being wrong: each contender sends a little to a sink that reads every word. */
    const check = (plans: ReadonlyArray<Plan>) =>
      Effect.gen(function*() {
        const kinds = new Map(plans.map((plan) => [`${plan.task} of ${plan.contender}`, plan]))
        for (const [name, plan] of kinds) {
          // These send nothing.
          if (sendNothing.includes(plan.task) || plan.contender === "fibers alone") continue
          const users = plan.task === "single" ? 100 : 1000
          const { tally } = yield* once({ ...plan, users, warmUp: 0, limit: 0 }, true)
          const wrong = tally.people === users
            ? tally.wrong
            : [...tally.wrong, `${tally.people} of ${users} users came`]
          if (wrong.length > 0) return yield* new BenchError({ message: `${name} is wrong:\n${wrong.join("\n")}` })
        }
      })

    /** All plans in turn, again and again. */
    const play = (plans: ReadonlyArray<Plan>, rounds: number) =>
      Effect.gen(function*() {
        yield* check(plans)
        if (plans.some(({ task }) => task === "import")) yield* build
        const samples = plans.map(() => new Array<Sample>())
        for (let round = 0; round < rounds; round++) {
          yield* Console.error(`  round ${round + 1} of ${rounds}`)
          for (const [position, plan] of plans.entries()) {
            const { sample, tally } = yield* once(plan, false)
            const { bytes, refused, requests, sustained } = tally
            // The sink counts what warms up too.
            const all = plan.users + plan.warmUp
            samples[position]?.push({
              ...sample,
              requests: requests * plan.users / all,
              refused,
              sustained,
              bytesPerUser: bytes / all
            })
          }
        }
        return plans.map((plan, position): Case => ({ ...plan, samples: samples[position] ?? [] }))
      })

    return { play }
  })
