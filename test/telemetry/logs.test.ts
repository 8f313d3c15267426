import { describe, expect, it } from "@effect/vitest"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { answer, broken, never, scripted } from "../utils/scripted.js"
import { inAnHour } from "../utils/time.js"

interface Line {
  readonly level: string
  readonly message: string
  readonly annotations: Readonly<Record<string, unknown>>
}

const edit = Effect.flatMap(
  UsersService.UsersService,
  (users) => users.asyncEdit(UserEdit.unset(UserEdit.edit("user-1017"), "plan"))
)

const linesOf = (
  level: LogLevel.LogLevel,
  answers: Parameters<typeof scripted>[0],
  call: Effect.Effect<unknown, unknown, UsersService.UsersService | SuprsendClient.SuprsendClient> = edit
) =>
  Effect.gen(function*() {
    const lines: Array<Line> = []
    const logger = Logger.make(({ annotations, logLevel, message }) => {
      lines.push({
        level: logLevel.label,
        message: [message].flat().map(String).join(" "),
        annotations: Object.fromEntries(HashMap.toEntries(annotations))
      })
    })
    yield* inAnHour(Effect.exit(call)).pipe(
      Effect.provide(scripted(answers).layer),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(level)
    )
    return lines
  })

const request = {
  "suprsend.call": "UsersService.asyncEdit",
  "http.request.method": "POST",
  "url.template": "/event/"
}

describe("logs of a call", () => {
  it.effect("say nothing at the usual level of a call that succeeds at once", () =>
    Effect.gen(function*() {
      expect(yield* linesOf(LogLevel.Info, [answer(202, "OK")])).toEqual([])
    }))

  it.effect("warn of each retry, with its reason and its delay", () =>
    Effect.gen(function*() {
      const lines = yield* linesOf(LogLevel.Info, [answer(503), broken("ECONNRESET"), answer(202, "OK")])
      expect(lines.map(({ level }) => level)).toEqual(["WARN", "WARN"])
      expect(lines.map(({ message }) => message)).toEqual([
        expect.stringMatching(/^UsersService\.asyncEdit: attempt 1 failed \(status 503\); retry in /),
        expect.stringMatching(
          /^UsersService\.asyncEdit: attempt 2 failed \(Transport: connect ECONNRESET 127\.0\.0\.1:1\); retry in /
        )
      ])
      expect(lines.map(({ annotations }) => annotations)).toEqual([
        { ...request, "suprsend.attempt": 1, "error.type": "503", "suprsend.retry_in_ms": expect.any(Number) },
        { ...request, "suprsend.attempt": 2, "error.type": "ECONNRESET", "suprsend.retry_in_ms": expect.any(Number) }
      ])
    }))

  it.effect("tell each attempt at debug level, whichever way it ended", () =>
    Effect.gen(function*() {
      const lines = yield* linesOf(LogLevel.Debug, [answer(503), never, answer(202, "OK")])
      const debug = lines.filter(({ level }) => level === "DEBUG")
      expect(debug.map(({ message }) => message)).toEqual([
        "UsersService.asyncEdit: attempt 1: status 503 in 0ms",
        "UsersService.asyncEdit: attempt 2: Timeout: no complete response within 30s in 30000ms",
        "UsersService.asyncEdit: attempt 3: status 202 in 0ms"
      ])
      expect(debug.map(({ annotations }) => annotations)).toEqual([
        {
          ...request,
          "suprsend.attempt": 1,
          "http.response.status_code": 503,
          "error.type": "503",
          "suprsend.duration_ms": 0
        },
        { ...request, "suprsend.attempt": 2, "error.type": "timeout", "suprsend.duration_ms": 30_000 },
        { ...request, "suprsend.attempt": 3, "http.response.status_code": 202, "suprsend.duration_ms": 0 }
      ])
    }))

  it.effect("name no user, not even where the runtime does", () =>
    Effect.gen(function*() {
      const lines = yield* linesOf(LogLevel.All, [
        broken("ECONNRESET", "reset while sending user-1017"),
        answer(202, "OK")
      ])
      expect(JSON.stringify(lines)).not.toContain("user-1017")
      expect(lines.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(/^UsersService\.asyncEdit: attempt 1 failed \(ECONNRESET\); retry in /)
      )
    }))

  const id = "o'brien smith\"é@example.com"
  const spellings = {
    "as it is": id,
    "in a path": "/v1/user/o%27brien%20smith%22%C3%A9%40example.com/",
    "in a query": "?id=o%27brien+smith%22%C3%A9%40example.com",
    "in JSON": JSON.stringify({ distinct_id: id })
  }
  for (const [how, text] of Object.entries(spellings)) {
    it.effect(`name no user whose id is written ${how}`, () =>
      Effect.gen(function*() {
        const lines = yield* linesOf(
          LogLevel.All,
          [broken("ECONNRESET", `reset at ${text}`)],
          Effect.flatMap(UsersService.UsersService, (users) => users.get(id))
        )
        expect(lines.length).toBeGreaterThan(0)
        expect(JSON.stringify(lines)).not.toContain("brien")
      }))
  }

  it.effect("name no user of the query of a request that is made with the client itself", () =>
    Effect.gen(function*() {
      const lines = yield* linesOf(
        LogLevel.All,
        [broken("ECONNRESET", "reset at /v1/object/?distinct_id=user-1017")],
        Effect.flatMap(SuprsendClient.SuprsendClient, (client) =>
          client.execute({
            call: "objects.list",
            method: "GET",
            template: "/v1/object/",
            query: { distinct_id: "user-1017", limit: 10, locale: "" }
          }))
      )
      expect(JSON.stringify(lines)).not.toContain("user-1017")
      expect(lines.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(/^objects\.list: attempt 1 failed \(ECONNRESET\); retry in /)
      )
    }))
})
