/**
 * The requests and deliveries that a sandbox records. Part of `effect-suprsend/Sandbox`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { parseJson } from "../../support/json.js"
import { mask } from "../../support/mask.js"
import { isTooDeep, shownDepth } from "../store/depth.js"

/**
 * A recorded request. Printing it masks credentials and tokens.
 *
 * @since 0.1.0
 * @category models
 */
export class RecordedRequest extends Data.Class<{
  readonly method: string
  /** The path and query of the request line. */
  readonly uri: string
  readonly headers: { readonly [name: string]: string }
  /** The body as text, or "" if there is none. */
  readonly body: string
  /** When it arrived, in milliseconds since the epoch. */
  readonly at: number
  /**
   * The status of the response.
   *
   * It is undefined while no response has been sent, and stays undefined if the connection was
   * reset.
   */
  readonly status: number | undefined
}> {
  /** The body parsed as JSON, or undefined if it is not JSON. */
  get json(): unknown {
    return Option.getOrUndefined(parseJson(this.body))
  }

  /**
   * Returns the printed form, with credentials and tokens masked.
   *
   * @since 0.1.0
   */
  toJSON(): unknown {
    return {
      method: this.method,
      uri: this.uri,
      headers: { ...this.headers, ...("authorization" in this.headers ? { authorization: "<redacted>" } : undefined) },
      body: isTooDeep(this.body, shownDepth) ? "<too deep>" : mask(this.json),
      at: this.at,
      status: this.status ?? null
    }
  }

  /**
   * Returns the printed form for `util.inspect` and `console.log`.
   *
   * @since 0.1.0
   */
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * An edit that arrived as an event and was applied. Printing it masks tokens.
 *
 * @since 0.1.0
 * @category models
 */
export class Delivery extends Data.Class<{
  readonly insertId: string
  readonly distinctId: string
  readonly tenantId: string | undefined
  /** The operations as they were sent. */
  readonly operations: unknown
  /** When it was accepted, each time, in milliseconds since the epoch. */
  readonly arrivals: ReadonlyArray<number>
  /** When it was applied. There is one entry, unless its insert id expired (`insertIdLifetime`). */
  readonly applied: ReadonlyArray<number>
}> {
  /**
   * Returns the printed form, with tokens masked.
   *
   * @since 0.1.0
   */
  toJSON(): unknown {
    return { ...this, tenantId: this.tenantId ?? null, operations: mask(this.operations) }
  }

  /**
   * Returns the printed form for `util.inspect` and `console.log`.
   *
   * @since 0.1.0
   */
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}
