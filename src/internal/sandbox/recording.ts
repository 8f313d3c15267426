import * as Effect from "effect/Effect"
import type { Options } from "../../Sandbox.js"
import type { RecordedRequest } from "./api/record.js"

/**
 * Records requests within the limits on their number and total size.
 *
 * @internal
 */
export const make = ({ keepCharacters = Infinity, keepRequests = Infinity }: Options) => {
  const kept = new Map<number, RecordedRequest>()
  let arrivals = 0
  let characters = 0
  const forgetOldest = () => {
    for (const [position, request] of kept) {
      // The latest request is always kept, so one request may exceed the limit.
      if (kept.size <= keepRequests && (characters <= keepCharacters || kept.size === 1)) return
      kept.delete(position)
      characters -= lengthOf(request)
    }
  }
  return {
    add: (request: RecordedRequest): number => {
      kept.set(arrivals, request)
      characters += lengthOf(request)
      forgetOldest()
      return arrivals++
    },
    /** Replaces a request with one that differs only in its status. */
    replace: (position: number, request: RecordedRequest): void => {
      if (kept.has(position)) kept.set(position, request)
    },
    all: Effect.sync(() => [...kept.values()]),
    forgotten: Effect.sync(() => arrivals - kept.size)
  }
}

const lengthOf = ({ body, headers, method, uri }: RecordedRequest): number =>
  Object.entries(headers).reduce(
    (sum, [name, value]) => sum + name.length + value.length,
    method.length + uri.length + body.length
  )
