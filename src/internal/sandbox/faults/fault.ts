import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Fault, RecordedRequest } from "../../../Sandbox.js"
import { byteLength } from "../../support/bytes.js"
import { splitUri } from "../protocol/auth.js"
import * as endpoints from "../protocol/endpoints.js"
import { Exchange } from "../protocol/exchange.js"
import { type Answer, refuse } from "../protocol/reply.js"

/** @internal */
export const Cases = Data.taggedEnum<Fault>()

/**
 * A body that means nothing.
 *
 * @internal
 */
export const garbage = "\u0000\ufffd{\"gar"

/**
 * All that goes wrong with the requests to come: what stands, and what was scripted for one request after another. What stands
 * is asked first.
 *
 * @internal
 */
export interface Script {
  readonly standing: ReadonlyArray<Fault>
  readonly queue: ReadonlyArray<Fault>
}

/** @internal */
export const empty: Script = { standing: [], queue: [] }

/**
 * What is done with one request: it waits, and then the outcome happens; none is the ordinary answer.
 *
 * @internal
 */
export interface Treatment {
  readonly delay: Duration.Duration
  readonly outcome: Option.Option<Outcome>
}

/** @internal */
export type Outcome = Extract<Fault, {
  readonly _tag: "Status" | "ResetPeer" | "TruncateBody" | "MalformedBody" | "SlowBody" | "NoResponse"
}>

/**
 * What the script does with a request that arrives now, and what is left of the script. `random` is a number of [0, 1).
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

/** What a fault looks at. */
interface Moment {
  readonly request: RecordedRequest
  readonly now: number
  readonly random: number
}

interface Asked<Rest> extends Treatment {
  /** Whether it did anything. */
  readonly fired: boolean
  readonly rest: Rest
  /** As good as new: what of it has been looked at is taken out. */
  readonly random: number
}

type Step = Asked<Option.Option<Fault>>

const pass = <Rest>({ random }: Moment, rest: Rest): Asked<Rest> => ({
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

const wrap = (asked: Step, rest: (inner: Fault) => Fault): Step => ({ ...asked, rest: Option.map(asked.rest, rest) })

const ask = (fault: Fault, moment: Moment): Step => {
  const { now, random, request } = moment
  const unchanged = Option.some(fault)
  switch (fault._tag) {
    case "Delay": {
      const inner = Option.match(fault.then, {
        onNone: () => pass(moment, unchanged),
        onSome: (then) => wrap(ask(then, moment), (then) => Cases.Delay({ ...fault, then: Option.some(then) }))
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
        ? wrap(ask(fault.fault, moment), (inner) => Cases.On({ ...fault, fault: inner }))
        : pass(moment, unchanged)
    case "When":
      return fault.predicate(request)
        ? wrap(ask(fault.fault, moment), (inner) => Cases.When({ ...fault, fault: inner }))
        : pass(moment, unchanged)
    case "Next": {
      if (fault.times < 1) return pass(moment, Option.none())
      const asked = ask(fault.fault, moment)
      const times = asked.fired ? fault.times - 1 : fault.times
      return times < 1
        ? { ...asked, rest: Option.none() }
        : wrap(asked, (inner) => Cases.Next({ times, fault: inner }))
    }
    case "Lasting": {
      const until = Option.getOrElse(fault.until, () => now + Duration.toMillis(fault.duration))
      return now < until
        ? wrap(
          ask(fault.fault, moment),
          (inner) => Cases.Lasting({ ...fault, until: Option.some(until), fault: inner })
        )
        : pass(moment, Option.none())
    }
    case "Sometimes": {
      const { probability } = fault
      return random < probability
        ? wrap(
          ask(fault.fault, { ...moment, random: random / probability }),
          (inner) => Cases.Sometimes({ ...fault, fault: inner })
        )
        : pass({ ...moment, random: (random - probability) / (1 - probability) }, unchanged)
    }
    case "InOrder": {
      const asked = inOrder(fault.faults, moment)
      return { ...asked, rest: remaining(asked.rest, (faults) => Cases.InOrder({ faults })) }
    }
    case "Together": {
      const asked = together(fault.faults, moment)
      return { ...asked, rest: remaining(asked.rest, (faults) => Cases.Together({ faults })) }
    }
    default:
      return settle(moment, fault, fault)
  }
}

const remaining = (
  rest: ReadonlyArray<Fault>,
  make: (faults: ReadonlyArray<Fault>) => Fault
): Option.Option<Fault> => rest.length === 0 ? Option.none() : Option.some(make(Data.array(rest)))

/** Only the first one is asked; the next one has its turn when that has come to its end. */
const inOrder = (faults: ReadonlyArray<Fault>, moment: Moment): Asked<ReadonlyArray<Fault>> => {
  let { random } = moment
  for (const [i, fault] of faults.entries()) {
    const asked = ask(i === 0 ? fault : arm(fault, moment.now), { ...moment, random })
    if (Option.isSome(asked.rest)) return { ...asked, rest: [asked.rest.value, ...faults.slice(i + 1)] }
    if (asked.fired) return { ...asked, rest: armFirst(faults.slice(i + 1), moment.now) }
    random = asked.random
  }
  return pass({ ...moment, random }, [])
}

/** One after another is asked until one of them settles what happens; the times that those before it take add up. */
const together = (faults: ReadonlyArray<Fault>, moment: Moment): Asked<ReadonlyArray<Fault>> => {
  const rest: Array<Fault> = []
  let all = pass(moment, rest)
  for (const fault of faults) {
    if (Option.isSome(all.outcome)) {
      rest.push(fault)
      continue
    }
    const asked = ask(fault, { ...moment, random: all.random })
    if (Option.isSome(asked.rest)) rest.push(asked.rest.value)
    all = { ...asked, fired: all.fired || asked.fired, delay: Duration.sum(all.delay, asked.delay), rest }
  }
  return all
}

/**
 * The fault from now on: what lasts for a while begins.
 *
 * @internal
 */
export const arm = (fault: Fault, now: number): Fault => {
  switch (fault._tag) {
    case "Delay":
      return Cases.Delay({ ...fault, then: Option.map(fault.then, (then) => arm(then, now)) })
    case "On":
      return Cases.On({ ...fault, fault: arm(fault.fault, now) })
    case "When":
      return Cases.When({ ...fault, fault: arm(fault.fault, now) })
    case "Next":
      return Cases.Next({ ...fault, fault: arm(fault.fault, now) })
    case "Sometimes":
      return Cases.Sometimes({ ...fault, fault: arm(fault.fault, now) })
    case "Lasting":
      return Cases.Lasting({
        ...fault,
        until: Option.orElseSome(fault.until, () => now + Duration.toMillis(fault.duration)),
        fault: arm(fault.fault, now)
      })
    case "InOrder":
      return Cases.InOrder({ faults: Data.array(armFirst(fault.faults, now)) })
    case "Together":
      return Cases.Together({ faults: Data.array(fault.faults.map((one) => arm(one, now))) })
    default:
      return fault
  }
}

const armFirst = (faults: ReadonlyArray<Fault>, now: number): ReadonlyArray<Fault> =>
  faults.map((fault, i) => i === 0 ? arm(fault, now) : fault)

/**
 * Adds faults behind those that stand.
 *
 * @internal
 */
export const add = (script: Script, faults: ReadonlyArray<Fault>, now: number): Script => ({
  ...script,
  standing: [...script.standing, ...faults.map((fault) => arm(checked(fault), now))]
})

/**
 * Has one fault each for the next requests, after those that were scripted before.
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

/** @internal */
export const toFaults = ({ queue, standing }: Script): ReadonlyArray<Fault> =>
  queue.length === 0 ? standing : [...standing, Cases.InOrder({ faults: Data.array(queue) })]

/**
 * Whether a number is needed to step.
 *
 * @internal
 */
export const isRandom = ({ queue, standing }: Script): boolean => standing.some(rolls) || queue.some(rolls)

const rolls = (fault: Fault): boolean => {
  for (const one of everyOne(fault)) {
    if (one._tag === "Sometimes") return true
  }
  return false
}

/**
 * An answer that refuses.
 *
 * @internal
 */
export const refusal = (
  status: number,
  message: string,
  retryAfterMillis?: number
): Extract<Fault, { readonly _tag: "Status" }> =>
  Cases.Status({
    status,
    headers: Data.struct({
      "content-type": "application/json",
      // In whole seconds, and never too early.
      ...(retryAfterMillis === undefined ? undefined : { "retry-after": String(Math.ceil(retryAfterMillis / 1000)) })
    }),
    body: refuse(status, message).body,
    applied: false
  })

/**
 * The endpoint of a fault, or a defect that says which one was meant: on one that is not served, it would never happen.
 *
 * @internal
 */
export const checkedEndpoint = (endpoint: string): string => {
  const problem = endpoints.problem(endpoint)
  if (Option.isSome(problem)) throw new Error(`Sandbox.on: ${problem.value}`)
  return endpoint
}

/** The same fault; one that was not made by the functions of `Sandbox` may name any endpoint. */
const checked = (fault: Fault): Fault => {
  for (const one of everyOne(fault)) {
    if (one._tag === "On") checkedEndpoint(one.endpoint)
  }
  return fault
}

/** A fault, and all that are inside of it. */
function* everyOne(fault: Fault): Iterable<Fault> {
  const open = [fault]
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    yield one
    if (one._tag === "Delay") open.push(...Option.toArray(one.then))
    else if ("faults" in one) open.push(...one.faults)
    else if ("fault" in one) open.push(one.fault)
  }
}

/**
 * Whether the request is applied, whatever its sender gets to see.
 *
 * @internal
 */
export const isCarriedOut = (outcome: Option.Option<Outcome>): boolean =>
  Option.match(outcome, { onNone: () => true, onSome: (fault) => fault._tag === "SlowBody" || fault.applied })

/**
 * What happens on the connection, where this would be the ordinary answer.
 *
 * @internal
 */
export const toExchange = (outcome: Option.Option<Outcome>, { body, contentType, status }: Answer): Exchange => {
  const ordinary = { status, headers: contentType === undefined ? {} : { "content-type": contentType }, body }
  if (Option.isNone(outcome)) return Exchange.Answer(ordinary)
  const fault = outcome.value
  switch (fault._tag) {
    case "Status":
      return Exchange.Answer({ status: fault.status, headers: fault.headers, body: fault.body })
    case "ResetPeer":
      return Exchange.ResetPeer()
    case "TruncateBody":
      return Exchange.Partial({
        ...ordinary,
        bytes: Option.getOrElse(fault.bytes, () => Math.floor(byteLength(body) / 2)),
        then: fault.then
      })
    case "MalformedBody":
      return Exchange.Answer({ status: 200, headers: { "content-type": "application/json" }, body: fault.body })
    case "SlowBody":
      return Exchange.SlowBody({ ...ordinary, bytes: fault.bytes, interval: fault.interval })
    case "NoResponse":
      return Exchange.NoResponse()
  }
}
