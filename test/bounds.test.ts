// Every row of the tables of docs/reliability.md that say what is bounded, held against the code.
import { describe, expect, it } from "@effect/vitest"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import * as RetryPolicy from "effect-suprsend/RetryPolicy"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as batched from "../src/internal/bulk/autoBatch.js"
import * as packer from "../src/internal/bulk/batchBuilder.js"
import * as byId from "../src/internal/bulk/byId.js"
import * as bulk from "../src/internal/bulk/run.js"
import * as source from "../src/internal/bulk/source.js"
import * as redact from "../src/internal/client/redact.js"
import * as timeouts from "../src/internal/client/timeouts.js"
import * as language from "../src/internal/edit/language.js"
import * as timeZone from "../src/internal/edit/timeZone.js"
import * as userEdit from "../src/internal/edit/userEdit.js"
import * as validate from "../src/internal/edit/validate.js"
import * as requestLimits from "../src/internal/event/requestLimits.js"
import * as slidingWindow from "../src/internal/limiter/slidingWindow.js"
import * as json from "../src/internal/support/json.js"
import * as mask from "../src/internal/support/mask.js"
import * as remembered from "../src/internal/support/memoize.js"
import * as limits from "../src/internal/transport/bodyLimits.js"
import { read, tables } from "./utils/docs.js"
import { untyped } from "./utils/untyped.js"

const n = (count: number): string => count.toLocaleString("en-US")

const time = (duration: Duration.DurationInput): string => {
  const millis = Duration.toMillis(duration)
  return millis === 0 ? "0" : millis % 60_000 === 0
    ? `${millis / 60_000} min`
    : millis % 1_000 === 0
    ? `${millis / 1_000} s`
    : `${millis} ms`
}

const resolved = Effect.runSync(SuprsendConfig.resolve(Sandbox.credentials, {}))
const inBulk = Effect.runSync(SuprsendConfig.inBulk(resolved, {}))
const { limit, window } = RateLimiter.defaultOptions
const { rule } = slidingWindow.make({ limit, window: Duration.toMillis(window) })
const retry = RetryPolicy.defaultPolicy

const messages = (edit: UserEdit.UserEdit): ReadonlyArray<string> =>
  Either.match(UserEdit.validate(edit), {
    onLeft: ({ issues }) => issues.map(({ message }) => message),
    onRight: () => []
  })

const isValid = (edit: UserEdit.UserEdit): boolean => messages(edit).length === 0

/** The longest text of those that are made so, up to 2,000 characters, that is valid. */
const longest = (edit: (characters: number) => UserEdit.UserEdit): number => {
  let found = 0
  for (let characters = 1; characters <= 2_000; characters++) if (isValid(edit(characters))) found = characters
  return found
}

/** A path that is as long as that, and how it is told. */
const told = (steps: number): ReadonlyArray<unknown> => {
  const issues = new json.Issues()
  issues.add(Array.from({ length: steps }, (_, step) => step), "wrong")
  return issues.all()[0]?.path ?? []
}

const bounds: Record<string, string> = {
  "records of a bulk request": n(requestLimits.limits.records),
  "bytes of the body of a bulk request": n(requestLimits.limits.bytes),
  "bytes of an asynchronous edit": n(validate.maximumEditBytes),
  "ids of one request to delete users, or to change their preferences": n(byId.maximumIds),
  "requests of a bulk in flight at once": `${n(inBulk.concurrency)}; never more than ${
    n(Effect.runSync(SuprsendConfig.inBulk(resolved, { concurrency: 100_000 })).concurrency)
  }`,
  "edits of a bulk that wait for a request with an earlier edit of their user":
    `the records of up to ${packer.mostWaiting} requests: ${n(packer.mostWaiting * requestLimits.limits.records)}`,
  "outcomes of a stream that wait to be read": `one for each request in flight, up to ${bulk.outcomesAhead}`,
  "requests in any window": `${n(rule.limit)} in ${time(rule.window)}`,
  "requests that start at once after an idle time": `a hundredth of the limit, but at least ${
    slidingWindow.make({ limit: 100, window: 1 }).rule.burst
  }`,
  "timestamps that the limiter keeps": `${n(slidingWindow.maxEntries)} of requests with a response, ${
    n(slidingWindow.maxEntries)
  } of others`,

  "bytes of a body whose content is needed, decompressed": `${
    n(limits.maximumBodyBytes)
  }; more is a failure of the attempt`,
  "bytes kept of a body if only its status matters: of an error, or of an accepted edit": `${
    n(limits.maximumIgnoredBytes)
  }; then the connection is closed`,
  "characters of a body that are searched for secrets before a message quotes it": n(redact.maximumRead),
  "characters of a body that a message quotes": n(redact.make(() => [])("x y ".repeat(1_000)).length - "…".length),

  "an attempt, from its start to the end of its response": time(resolved.timeout),
  "attempts of a call": n(retry.attempts),
  "a call, with all its waits and attempts": time(retry.elapsed),
  "a wait before a retry, if the server sent no `Retry-After`": `${
    time(retry.initialDelay)
  } the first time, then twice as long each time, up to ${time(retry.maximumDelay)}`,
  "how late a request without a response may still arrive": time(rule.lateArrival),
  "a pause before its first probe": time(rule.probeInterval),
  "the first edit of a bulk request waits for others": `${time(inBulk.linger)}; in \`layerBatched\` ${
    time(batched.defaultLinger)
  }`,
  "requests in flight once a bulk is stopped": time(inBulk.grace),
  "the `next()` of an async iterable that a stopped bulk waits for": time(source.longestPull),
  "an idle timer keeps the process alive": time(timeouts.longestNap),

  "characters of a distinct id, or of a category": n(longest((characters) => UserEdit.edit("x".repeat(characters)))),
  "characters of a tenant id": n(longest((characters) => UserEdit.edit("x", { tenantId: "x".repeat(characters) }))),
  "characters of a time zone; a longer one is invalid": n(timeZone.maximumLength),
  "characters of a language tag; a longer one is invalid": n(language.maximumLength),
  "levels of lists and records in a value": n(json.ofValue.levels),
  "values in a value": n(json.ofValue.values),
  "issues listed for one edit": `${
    n(messages(untyped(UserEdit.unset)(UserEdit.edit("ada"), Array.from({ length: 300 }, () => ""))).length - 1)
  }, "and n more"`,
  "other users that an edit lists, after a `concat` of different users": n(userEdit.maximumMismatchedIds),
  "steps of a path in an issue": `${json.maximumPath}; a longer path keeps the first ${
    told(40).indexOf("…")
  } and the last ${told(40).length - told(40).indexOf("…") - 1}`,
  "characters of a key in an issue": n(json.maximumWord),
  "printed levels of an edit": n(mask.maximumDepth),
  "time zones, and languages, whose validity is cached": `${n(remembered.maximum)} each`
}

const documented = tables(read("reliability.md")).filter(([head]) => head?.[1] === "at most")

describe("the bounds of docs/reliability.md", () => {
  for (const [what = "", atMost = ""] of documented.flatMap((table) => table.slice(1))) {
    it(what, () => {
      expect(atMost).toBe(bounds[what])
    })
  }

  it("are all there", () => {
    const names = documented.flatMap((table) => table.slice(1).map(([what]) => what))
    expect(names).toEqual(Object.keys(bounds))
  })

  it("a path that is not too long is told whole", () => {
    expect(told(json.maximumPath)).toHaveLength(json.maximumPath)
  })
})
