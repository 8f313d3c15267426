import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { byteLength } from "../../support/bytes.js"
import type { Fault } from "../api/fault.js"
import type { RecordedRequest } from "../api/record.js"
import { splitUri } from "../protocol/auth.js"
import * as endpoints from "../protocol/endpoints.js"
import { Exchange } from "../protocol/exchange.js"
import type { Reply } from "../protocol/reply.js"
import { Cases, checkedEndpoint, flatten, mapInner, refusal } from "./cases.js"

/**
 * The faults in effect, and the faults of the next requests.
 *
 * For each request, the faults in effect are tried first.
 *
 * @internal
 */
export interface Script {
  /** The faults in effect. */
  readonly standing: ReadonlyArray<Fault>
  /** One fault for each of the next requests. */
  readonly queue: ReadonlyArray<Fault>
}

/** @internal */
export const empty: Script = { standing: [], queue: [] }

/**
 * What the faults do to one request: a delay, and then an outcome.
 *
 * If the outcome is none, the normal response follows.
 *
 * @internal
 */
export interface Treatment {
  readonly delay: Duration.Duration
  readonly outcome: Option.Option<Outcome>
}

/**
 * A fault that settles the response.
 *
 * @internal
 */
export type Outcome = Extract<Fault, {
  readonly _tag: "Status" | "ResetPeer" | "TruncateBody" | "MalformedBody" | "SlowBody" | "NoResponse"
}>

/**
 * Applies the script to a request that arrives now, and returns the remaining script.
 *
 * `random` is at least 0 and less than 1.
 *
 * @internal
 */
export const step = (
  script: Script,
  request: RecordedRequest,
  now: number,
  random: number
): readonly [Treatment, Script] => {
  const moment = { request, now, random }
  const standing = together(script.standing, moment)
  const isSettled = Option.isSome(standing.outcome)
  const queued = isSettled
    ? pass(moment, script.queue)
    : inOrder(script.queue, { ...moment, random: standing.random })
  return [
    {
      delay: Duration.sum(standing.delay, queued.delay),
      outcome: isSettled ? standing.outcome : queued.outcome
    },
    { standing: standing.rest, queue: queued.rest }
  ]
}

/** The input of a fault. */
interface Moment {
  readonly request: RecordedRequest
  readonly now: number
  readonly random: number
}

interface Tried<Rest> extends Treatment {
  /** Whether the fault applied. */
  readonly fired: boolean
  /** The faults that remain for later requests. */
  readonly rest: Rest
  /** A random number that is independent of the decisions made so far. */
  readonly random: number
}

type Step = Tried<Option.Option<Fault>>

const pass = <Rest>({ random }: Moment, rest: Rest): Tried<Rest> => ({
  fired: false,
  delay: Duration.zero,
  outcome: Option.none(),
  rest,
  random
})

const settle = ({ random }: Moment, outcome: Outcome, rest: Fault): Step => ({
  fired: true,
  delay: Duration.zero,
  outcome: Option.some(outcome),
  rest: Option.some(rest),
  random
})

/** Tries a fault with one fault inside it, which stays inside it for later requests. */
const tryInner = (fault: Fault, inner: Fault, moment: Moment): Step => {
  const tried = attempt(inner, moment)
  return { ...tried, rest: Option.map(tried.rest, (rest) => mapInner(fault, () => rest)) }
}

const attempt = (fault: Fault, moment: Moment): Step => {
  const { now, random, request } = moment
  const unchanged = Option.some(fault)
  switch (fault._tag) {
    case "Delay": {
      const inner = Option.match(fault.then, {
        onNone: () => pass(moment, unchanged),
        onSome: (then) => tryInner(fault, then, moment)
      })
      return { ...inner, fired: true, delay: Duration.sum(fault.duration, inner.delay) }
    }
    case "RateLimit": {
      const window = Duration.toMillis(fault.window)
      const passed = fault.passed.filter((at) => now - at < window)
      if (passed.length < fault.limit) {
        return pass(moment, Option.some(Cases.RateLimit({ ...fault, passed: Data.array([...passed, now]) })))
      }
      const free = (passed.at(-Math.max(1, fault.limit)) ?? now) + window
      return settle(moment, refusal(429, "rate limit exceeded", free - now), fault)
    }
    case "On":
      return endpoints.matches(fault.endpoint, request.method, endpoints.segmentsOf(splitUri(request.uri)[0]))
        ? tryInner(fault, fault.fault, moment)
        : pass(moment, unchanged)
    case "When":
      return fault.predicate(request) ? tryInner(fault, fault.fault, moment) : pass(moment, unchanged)
    case "Next": {
      if (fault.times < 1) return pass(moment, Option.none())
      const tried = attempt(fault.fault, moment)
      const times = tried.fired ? fault.times - 1 : fault.times
      return {
        ...tried,
        rest: times < 1 ? Option.none() : Option.map(tried.rest, (rest) => Cases.Next({ times, fault: rest }))
      }
    }
    case "Lasting": {
      const until = endOf(fault, now)
      return now < until
        ? tryInner(Cases.Lasting({ ...fault, until: Option.some(until) }), fault.fault, moment)
        : pass(moment, Option.none())
    }
    case "Sometimes": {
      const { probability } = fault
      return random < probability
        ? tryInner(fault, fault.fault, { ...moment, random: random / probability })
        : pass({ ...moment, random: (random - probability) / (1 - probability) }, unchanged)
    }
    case "InOrder": {
      const tried = inOrder(fault.faults, moment)
      return { ...tried, rest: remaining(tried.rest, (faults) => Cases.InOrder({ faults })) }
    }
    case "Together": {
      const tried = together(fault.faults, moment)
      return { ...tried, rest: remaining(tried.rest, (faults) => Cases.Together({ faults })) }
    }
    default:
      return settle(moment, fault, fault)
  }
}

const remaining = (
  rest: ReadonlyArray<Fault>,
  make: (faults: ReadonlyArray<Fault>) => Fault
): Option.Option<Fault> => rest.length === 0 ? Option.none() : Option.some(make(Data.array(rest)))

/** Tries only the first fault. The next one starts when the first has ended. */
const inOrder = (faults: ReadonlyArray<Fault>, moment: Moment): Tried<ReadonlyArray<Fault>> => {
  let { random } = moment
  for (const [i, fault] of faults.entries()) {
    const tried = attempt(i === 0 ? fault : arm(fault, moment.now), { ...moment, random })
    if (Option.isSome(tried.rest)) return { ...tried, rest: [tried.rest.value, ...faults.slice(i + 1)] }
    if (tried.fired) return { ...tried, rest: armFirst(faults.slice(i + 1), moment.now) }
    random = tried.random
  }
  return pass({ ...moment, random }, [])
}

/** Tries the faults in order until one settles the response. Their delays add up. */
const together = (faults: ReadonlyArray<Fault>, moment: Moment): Tried<ReadonlyArray<Fault>> => {
  const rest: Array<Fault> = []
  let all = pass(moment, rest)
  for (const fault of faults) {
    if (Option.isSome(all.outcome)) {
      rest.push(fault)
      continue
    }
    const tried = attempt(fault, { ...moment, random: all.random })
    if (Option.isSome(tried.rest)) rest.push(tried.rest.value)
    all = { ...tried, fired: all.fired || tried.fired, delay: Duration.sum(all.delay, tried.delay), rest }
  }
  return all
}

/** Starts the periods of time in a fault. Those of later faults in order start with their turn. */
const arm = (fault: Fault, now: number): Fault => {
  const armed = mapInner(fault, (inner, i) => fault._tag === "InOrder" && i > 0 ? inner : arm(inner, now))
  return armed._tag === "Lasting" ? Cases.Lasting({ ...armed, until: Option.some(endOf(armed, now)) }) : armed
}

const endOf = (fault: Extract<Fault, { readonly _tag: "Lasting" }>, now: number): number =>
  Option.getOrElse(fault.until, () => now + Duration.toMillis(fault.duration))

const armFirst = (faults: ReadonlyArray<Fault>, now: number): ReadonlyArray<Fault> =>
  faults.map((fault, i) => i === 0 ? arm(fault, now) : fault)

/**
 * Adds faults after those in effect.
 *
 * @internal
 */
export const add = (script: Script, faults: ReadonlyArray<Fault>, now: number): Script => ({
  ...script,
  standing: [...script.standing, ...faults.map((fault) => arm(checked(fault), now))]
})

/**
 * Queues one fault for each of the next requests, after those already queued.
 *
 * @internal
 */
export const enqueue = (script: Script, faults: Iterable<Fault>, now: number): Script => ({
  ...script,
  queue: armFirst([
    ...script.queue,
    ...Array.from(faults, (fault) => Cases.Next({ times: 1, fault: checked(fault) }))
  ], now)
})

/**
 * Returns all faults of a script, with the queue as one fault.
 *
 * @internal
 */
export const toFaults = ({ queue, standing }: Script): ReadonlyArray<Fault> =>
  queue.length === 0 ? standing : [...standing, Cases.InOrder({ faults: Data.array(queue) })]

/**
 * Whether `step` uses its random number.
 *
 * @internal
 */
export const isRandom = ({ queue, standing }: Script): boolean =>
  standing.some(hasSometimes) || queue.some(hasSometimes)

const hasSometimes = (fault: Fault): boolean => {
  for (const { _tag } of flatten(fault)) {
    if (_tag === "Sometimes") return true
  }
  return false
}

/** Returns the fault, or throws if it names an endpoint that the sandbox does not serve. */
const checked = (fault: Fault): Fault => {
  for (const one of flatten(fault)) {
    if (one._tag === "On") checkedEndpoint(one.endpoint)
  }
  return fault
}

/**
 * Whether the request is applied, whether or not its sender gets a response.
 *
 * @internal
 */
export const isApplied = (outcome: Option.Option<Outcome>): boolean =>
  Option.match(outcome, { onNone: () => true, onSome: (fault) => fault._tag === "SlowBody" || fault.applied })

/**
 * Returns what happens on the connection, given the normal response.
 *
 * @internal
 */
export const toExchange = (outcome: Option.Option<Outcome>, { body, contentType, status }: Reply): Exchange => {
  const normal = { status, headers: contentType === undefined ? {} : { "content-type": contentType }, body }
  if (Option.isNone(outcome)) return Exchange.Response(normal)
  const fault = outcome.value
  switch (fault._tag) {
    case "Status":
      return Exchange.Response({ status: fault.status, headers: fault.headers, body: fault.body })
    case "ResetPeer":
      return Exchange.ResetPeer()
    case "TruncateBody":
      return Exchange.Partial({
        ...normal,
        bytes: Option.getOrElse(fault.bytes, () => Math.floor(byteLength(body) / 2)),
        then: fault.then
      })
    case "MalformedBody":
      return Exchange.Response({ status: 200, headers: { "content-type": "application/json" }, body: fault.body })
    case "SlowBody":
      return Exchange.SlowBody({ ...normal, bytes: fault.bytes, interval: fault.interval })
    case "NoResponse":
      return Exchange.NoResponse()
  }
}
