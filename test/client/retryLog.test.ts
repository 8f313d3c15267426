import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import { type Answer, answer, broken, scripted } from "../utils/scripted.js"
import { inAnHour } from "../utils/time.js"

const page = answer(200, "{\"results\":[],\"meta\":{}}")

/** The lines that a call logs whose first attempt ends so. */
const linesAfter = (first: Answer) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const logger = Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => void lines.push(String(message))))
    const { layer } = scripted([first, page])
    yield* inAnHour(Effect.flatMap(UsersService, (users) => users.list())).pipe(
      Effect.provide(Layer.merge(layer, logger)),
      Logger.withMinimumLogLevel(LogLevel.Warning)
    )
    return lines
  })

describe("what is logged before a further attempt", () => {
  const cases: Record<string, readonly [first: Answer, reason: RegExp]> = {
    "the status": [answer(503, "{\"message\":\"busy\"}"), /\(status 503\)/],
    "that there was no connection, and why": [
      broken("ECONNREFUSED"),
      /\(Transport: connect ECONNREFUSED 127\.0\.0\.1:1\)/
    ],
    "that the time was over": [() => Effect.never, /\(Timeout: no complete response within 30s\)/]
  }
  for (const [what, [first, reason]] of Object.entries(cases)) {
    it.effect(`says ${what}`, () =>
      Effect.gen(function*() {
        const lines = yield* linesAfter(first)
        expect(lines).toHaveLength(1)
        expect(lines[0]).toMatch(/^UsersService\.list: attempt 1 failed \(.*\); retry in .*$/)
        expect(lines[0]).toMatch(reason)
      }))
  }

  it.effect("holds no secret that an error of the runtime repeats", () =>
    Effect.gen(function*() {
      const secret = Redacted.value(Sandbox.credentials.workspaceSecret)
      const [line] = yield* linesAfter(broken("ECONNRESET", `reset while sending ${secret}`))
      expect(line).toContain("<redacted>")
      expect(line).not.toContain(secret)
    }))
})
