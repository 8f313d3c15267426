// Mixed load with random faults for minutes, by hand: `npm run soak -- --minutes 10`. It says every ten seconds what the process holds,
// and in the end whether that has grown, and whether a record was lost.
import * as SandboxModule from "effect-suprsend/Sandbox"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import { parseArgs } from "node:util"
import { median } from "./statistics.js"

const minutes = Number(parseArgs({ options: { minutes: { type: "string", default: "10" } } }).values.minutes)

// What is known of each edit, by its number. Allocated at once, so that it is no growth.
const outcomes = new Uint8Array(4_000_000)
const [none, accepted, notApplied, unknown] = [0, 1, 2, 3]
let made = 0

const fault = (fault: unknown, probability: number) => ({ _tag: "Sometimes", probability, fault })
const cut = { _tag: "ResetPeer", applied: true }
const faults = [
  fault(cut, 0.02),
  fault({ _tag: "ResetPeer", applied: false }, 0.02),
  fault({ _tag: "TruncateBody", then: "reset", applied: true }, 0.02),
  fault({ _tag: "TruncateBody", then: "stall", applied: true }, 0.005),
  fault({ _tag: "NoResponse", applied: true }, 0.005),
  fault({ _tag: "MalformedBody", body: "no JSON", applied: true }, 0.01),
  fault({ _tag: "Status", status: 500, headers: {}, body: "", applied: true }, 0.02),
  fault({ _tag: "Status", status: 503, headers: {}, body: "", applied: false }, 0.02),
  fault({ _tag: "Status", status: 429, headers: { "retry-after": "0.2" }, body: "", applied: false }, 0.002)
]

const server = Effect.acquireRelease(
  Effect.async<{ readonly url: string; readonly stop: () => void }>((resume) => {
    const child = spawn(process.execPath, ["--import", "tsx", "src/internal/cli/main.ts", "sandbox", "--port", "0"])
    let printed = ""
    child.stdout.on("data", (chunk: Buffer) => {
      if (printed.length > 10_000) return
      printed += chunk.toString("utf8")
      const url = /SUPRSEND_BASE_URL=(\S+)/.exec(printed)?.[1]
      if (url !== undefined) resume(Effect.succeed({ url, stop: () => child.kill("SIGINT") }))
    })
    child.stderr.pipe(process.stderr)
  }),
  ({ stop }) => Effect.sync(stop)
)

const ask = (url: string, method: string, body?: unknown) =>
  Effect.promise(async () => {
    const response = await fetch(url, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? undefined : { body: JSON.stringify(body) })
    })
    if (!response.ok) throw new Error(`${url} answered with ${response.status}: ${await response.text()}`)
    return response.text()
  })

const nextEdit = (user: number): UserEdit.UserEdit => {
  const n = made++
  outcomes[n] = none
  return UserEdit.increment(UserEdit.edit(`user-${user}`, { insertId: `edit-${n}` }), "visits", 1)
}

const note = (edit: UserEdit.UserEdit, outcome: number): void => {
  const n = Number(edit.insertId?.slice(5))
  if (outcomes[n] !== none) throw new Error(`${edit.insertId} has two outcomes`)
  outcomes[n] = outcome
}

const one = (users: UsersService.UsersService.Service) =>
  Effect.gen(function*() {
    const dice = yield* Random.next
    const user = yield* Random.nextIntBetween(0, 500)
    if (dice < 0.7) {
      const edit = nextEdit(user)
      const result = yield* Effect.either(users.asyncEdit(edit))
      note(
        edit,
        Either.isRight(result)
          ? accepted
          : "applied" in result.left && result.left.applied === "unknown"
          ? unknown
          : notApplied
      )
    } else if (dice < 0.71) {
      const edits = Array.from({ length: 200 }, () => nextEdit(user))
      yield* users.bulkEditStream(edits).pipe(Stream.runForEach((outcome) =>
        Effect.sync(() => {
          for (const edit of outcome.accepted) note(edit, accepted)
          for (const record of outcome.failedRecords) {
            note(record.edit, record.outcome === "unknown" ? unknown : notApplied)
          }
        })
      ))
    } else if (dice < 0.9) {
      yield* Effect.either(users.get(`user-${user}`))
    } else if (dice < 0.95) {
      yield* Effect.either(Stream.runDrain(Stream.take(users.listStream({ limit: 20 }), 60)))
    } else {
      yield* Effect.either(users.delete(`user-${user}`))
    }
  })

const gc = globalThis.gc

interface Sample {
  readonly heap: number
  readonly handles: number
}

const sample = (seconds: number): Effect.Effect<Sample> =>
  Effect.sync(() => {
    if (gc === undefined) throw new Error("run it as `npm run soak`, which exposes the collector")
    gc()
    const { heapUsed, rss } = process.memoryUsage()
    const handles = process.getActiveResourcesInfo().length
    const mb = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
    console.log(
      `${String(seconds).padStart(5)} s  heap ${mb(heapUsed)} MB  rss ${mb(rss)} MB  handles ${handles}  edits ${made}`
    )
    return { heap: heapUsed, handles }
  })

const Deliveries = Schema.parseJson(
  Schema.Array(Schema.Struct({ insertId: Schema.String, applied: Schema.Array(Schema.Number) }))
)

const program = Effect.gen(function*() {
  const { url } = yield* server
  yield* ask(`${url}_sandbox/faults`, "PUT", faults)
  const client = SuprsendNode.layer({
    ...SandboxModule.credentials,
    baseUrl: url,
    timeout: "300 millis",
    rateLimit: { limit: 300, window: "1 second" },
    retry: { attempts: 3, initialDelay: "20 millis", maximumDelay: "100 millis" }
  })
  const samples: Array<Sample> = []
  yield* Effect.gen(function*() {
    const users = yield* UsersService.UsersService
    let stopped = false
    const caller = Effect.repeat(one(users), { until: () => stopped })
    const clock = Effect.forEach(
      Array.from({ length: minutes * 6 }, (_, i) => (i + 1) * 10),
      (seconds) =>
        Effect.flatMap(Effect.delay(sample(seconds), "10 seconds"), (one) => Effect.sync(() => samples.push(one)))
    ).pipe(Effect.zipRight(Effect.sync(() => {
      stopped = true
    })))
    yield* Effect.all([clock, ...Array.from({ length: 16 }, () => caller)], { concurrency: "unbounded", discard: true })
  }).pipe(Effect.provide(Layer.provide(UsersService.layer, client)))

  yield* ask(`${url}_sandbox/faults`, "DELETE")
  const deliveries = yield* Schema.decode(Deliveries)(yield* ask(`${url}_sandbox/deliveries`, "GET"))
  const applied = new Map(deliveries.map(({ applied, insertId }) => [insertId, applied.length]))
  const counts = { accepted: 0, notApplied: 0, unknown: 0 }
  const problems: Array<string> = []
  for (let n = 0; n < made; n++) {
    const times = applied.get(`edit-${n}`) ?? 0
    const outcome = outcomes[n]
    if (times > 1) problems.push(`edit-${n} took effect ${times} times`)
    if (outcome === accepted) counts.accepted++
    else if (outcome === notApplied) counts.notApplied++
    else if (outcome === unknown) counts.unknown++
    else problems.push(`edit-${n} has no outcome`)
    if (outcome === accepted && times === 0) problems.push(`edit-${n} is said to be accepted, and is not there`)
    if (outcome === notApplied && times > 0) problems.push(`edit-${n} is said not to be applied, and is there`)
  }
  const warm = samples.slice(Math.floor(samples.length / 4))
  const [first, last] = [warm.slice(0, Math.ceil(warm.length / 3)), warm.slice(-Math.ceil(warm.length / 3))]
  const growth = (of: (sample: Sample) => number) => [median(first.map(of)), median(last.map(of))] as const
  const [heapBefore, heapAfter] = growth(({ heap }) => heap)
  const [handlesBefore, handlesAfter] = growth(({ handles }) => handles)
  if (heapAfter > heapBefore * 1.1 + 2 ** 20) problems.push(`the heap grew from ${heapBefore} to ${heapAfter}`)
  if (handlesAfter > handlesBefore + 16) problems.push(`handles grew from ${handlesBefore} to ${handlesAfter}`)
  console.log(
    `${made} edits: ${counts.accepted} accepted, ${counts.unknown} unknown, ${counts.notApplied} not applied; ` +
      `heap ${(heapBefore / 2 ** 20).toFixed(1)} to ${
        (heapAfter / 2 ** 20).toFixed(1)
      } MB, handles ${handlesBefore} to ${handlesAfter}`
  )
  for (const problem of problems.slice(0, 20)) console.error(problem)
  console.log(problems.length === 0 ? "Nothing grew, and nothing was lost." : `${problems.length} problems`)
  if (problems.length > 0) process.exitCode = 1
}).pipe(Effect.scoped)

Effect.runPromise(program).catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
