// One bulk, over a real server that misbehaves, from one kind of source or another, which may be stopped, interrupted, or lose its
// layer. It checks the promises of docs/reliability.md.
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Bulk from "effect-suprsend/Bulk"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Answer, serve, text } from "../utils/loopback.js"

/** What the server does with a request: whether it applies what is in it, and how it responds. */
const behaviours = {
  accepts: { applies: true, answer: text(202, "OK") },
  "accepts with 200": { applies: true, answer: text(200, "OK") },
  "accepts late": { applies: true, answer: later(text(202, "OK")) },
  "accepts and cuts the body": { applies: true, answer: cut(202) },
  "is a portal": { applies: false, answer: text(200, "<html>Sign in</html>", { "content-type": "text/html" }) },
  "is another server": { applies: false, answer: text(200, "{\"hello\":\"world\"}") },
  "fails before it applies": { applies: false, answer: text(503, "busy") },
  "fails after it applied": { applies: true, answer: text(500, "oops") },
  "limits the rate": { applies: false, answer: text(429, "slow down", { "retry-after": "0.01" }) },
  "rejects": { applies: false, answer: text(400, "{\"code\":400,\"message\":\"no\"}") },
  "refuses the credentials": { applies: false, answer: text(401, "{\"code\":401,\"message\":\"who?\"}") },
  "closes the connection before it applies": { applies: false, answer: close },
  "closes the connection after it applied": { applies: true, answer: close },
  "never answers": { applies: false, answer: (() => {}) satisfies Answer },
  "applies, and never answers": { applies: true, answer: (() => {}) satisfies Answer }
} as const

type Behaviour = keyof typeof behaviours

const names = Object.keys(behaviours).filter((name): name is Behaviour => name in behaviours)

function close(...[, response]: Parameters<Answer>): void {
  response.socket?.destroy()
}

function cut(status: number): Answer {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "text/plain", "content-length": "100" })
    response.write("O", () => response.socket?.destroy())
  }
}

function later(answer: Answer): Answer {
  return (request, response, position) => {
    setTimeout(() => answer(request, response, position), 20)
  }
}

const sources = ["array", "generator", "async iterable", "stream", "stream of effects"] as const

const endings = ["completes", "is stopped", "is interrupted", "loses its layer"] as const

export interface Scenario {
  readonly edits: number
  readonly people: number
  readonly source: (typeof sources)[number]
  readonly ending: (typeof endings)[number]
  /** The requests that the server has seen by then. */
  readonly endsAfter: number
  readonly behaviours: ReadonlyArray<Behaviour>
  readonly concurrency: number
  readonly attempts: number
  readonly limit: number | undefined
}

export const scenario: FastCheck.Arbitrary<Scenario> = FastCheck.record({
  edits: FastCheck.integer({ min: 0, max: 1_500 }),
  people: FastCheck.integer({ min: 1, max: 600 }),
  source: FastCheck.constantFrom(...sources),
  ending: FastCheck.constantFrom(...endings),
  endsAfter: FastCheck.integer({ min: 1, max: 6 }),
  behaviours: FastCheck.array(FastCheck.constantFrom(...names), { maxLength: 12 }),
  concurrency: FastCheck.integer({ min: 1, max: 6 }),
  attempts: FastCheck.integer({ min: 1, max: 3 }),
  limit: FastCheck.option(FastCheck.integer({ min: 2, max: 20 }), { nil: undefined })
})

class Broken extends Error {}

const promise = (holds: boolean, what: string): void => {
  if (!holds) throw new Broken(what)
}

/** The ids of the edits in a request, in their order. */
const idsIn = (body: string): ReadonlyArray<string> =>
  [...body.matchAll(/"\$insert_id":"([^"]+)"/g)].map(([, id]) => id ?? "")

/** Runs a scenario, and fails where a promise is broken. */
export const run = (transport: Layer.Layer<HttpClient.HttpClient>, scenario: Scenario): Promise<void> =>
  Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const applied = new Map<string, number>()
    let calm = false
    let seen = 0
    const reached = yield* Deferred.make<void>()
    const server = yield* serve((request, response, position) => {
      seen++
      const name = calm ? "accepts" : scenario.behaviours[position] ?? "accepts"
      const behaviour = behaviours[name]
      if (behaviour.applies) {
        for (const id of idsIn(request.body)) if (!applied.has(id)) applied.set(id, applied.size)
      }
      if (seen === scenario.endsAfter) Deferred.unsafeDone(reached, Exit.void)
      behaviour.answer(request, response, position)
    })

    const pulled = new Set<string>()
    const editOf = (i: number) => {
      pulled.add(`id-${i}`)
      return UserEdit.increment(UserEdit.edit(`user-${i % scenario.people}`, { insertId: `id-${i}` }), "visits", 1)
    }
    const { attempts, concurrency, ending, limit } = scenario

    const live = (timeout: number) =>
      Layer.provide(
        Suprsend.layerWithoutHttpClient({
          ...Sandbox.credentials,
          baseUrl: server.url,
          timeout,
          retry: { attempts, initialDelay: 1, elapsed: "20 seconds" },
          ...(limit === undefined ? {} : { rateLimit: { limit, window: 20, lateArrival: 0 } })
        }),
        transport
      )

    const scope = yield* Scope.make()
    const users = Context.get(yield* Layer.buildWithScope(live(150), scope), UsersService)
    const partial = yield* Ref.make(Option.none<Bulk.BulkReport>())
    const fiber = yield* Effect.fork(users.bulkEdit(sourceOf(scenario, editOf), {
      concurrency,
      onError: (report) => Ref.set(partial, Option.some(report)),
      ...(ending === "is stopped" ? { stopWhen: Deferred.await(reached) } : {})
    }))
    const trigger = Effect.raceFirst(Deferred.await(reached), Fiber.await(fiber))
    if (ending === "is interrupted") yield* Effect.zipRight(trigger, Fiber.interrupt(fiber))
    if (ending === "loses its layer") yield* Effect.zipRight(trigger, Scope.close(scope, Exit.void))
    const exit = yield* Effect.timeoutTo(Fiber.await(fiber), {
      duration: "25 seconds",
      onSuccess: Option.some,
      onTimeout: Option.none
    })
    promise(Option.isSome(exit), "it ends")
    yield* Scope.close(scope, Exit.void)

    const report = Option.getOrUndefined(
      Option.orElse(
        yield* Ref.get(partial),
        () => Option.flatMap(exit, (exit) => Exit.isSuccess(exit) ? Option.some(exit.value) : Option.none())
      )
    )
    promise(report !== undefined, "it hands over a report")
    if (report === undefined) return

    const outcomes = new Map<string, string>()
    for (const { edit, outcome } of report.failedRecords) {
      promise(edit.insertId !== undefined && !outcomes.has(edit.insertId), `one outcome each: ${edit.insertId}`)
      outcomes.set(edit.insertId ?? "", outcome)
    }
    // An array is whole before it is pulled, and from its start on.
    if (scenario.source === "array" && ending !== "completes") {
      for (const id of [...pulled].slice(report.total)) pulled.delete(id)
    }
    promise(
      report.total === pulled.size,
      `each record that was pulled has an outcome: ${report.total} of ${pulled.size}`
    )
    for (const id of pulled) {
      const outcome = outcomes.get(id)
      if (outcome === undefined) promise(applied.has(id), `accepted is applied: ${id}`)
      else if (outcome !== "unknown") promise(!applied.has(id), `${outcome} is not applied: ${id}`)
    }
    const next = new Map<number, number>()
    for (const id of applied.keys()) {
      const i = Number(id.slice("id-".length))
      const person = i % scenario.people
      promise(i > (next.get(person) ?? -1), `the edits of user-${person} are applied in their order`)
      next.set(person, i)
    }

    calm = true
    const again = Context.get(yield* Layer.build(live(20_000)), UsersService)
    const second = yield* again.bulkEdit(report.failedRecords.map(({ edit }) => edit))
    promise(second.failure === 0, "what failed can be sent again")
    for (const id of pulled) promise(applied.has(id), `in the end all is applied: ${id}`)
  })))

const sourceOf = ({ edits, source }: Scenario, editOf: (i: number) => UserEdit.UserEdit): Bulk.Source => {
  switch (source) {
    case "array":
      return Array.from({ length: edits }, (_, i) => editOf(i))
    case "generator":
      return (function*() {
        for (let i = 0; i < edits; i++) yield editOf(i)
      })()
    case "async iterable":
      return (async function*() {
        for (let i = 0; i < edits; i++) yield editOf(i)
      })()
    case "stream":
      return edits === 0 ? Stream.empty : Stream.map(Stream.range(0, edits - 1, 64), editOf)
    case "stream of effects":
      return edits === 0
        ? Stream.empty
        : Stream.mapEffect(Stream.range(0, edits - 1, 64), (i) => Effect.sync(() => editOf(i)))
  }
}
