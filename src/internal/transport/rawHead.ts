import * as Headers from "@effect/platform/Headers"
import type { Head } from "./transport.js"

/**
 * A response head whose headers are parsed only if they are read.
 *
 * @internal
 */
export class RawHead implements Head {
  private read: Headers.Headers | undefined

  constructor(
    readonly status: number,
    private readonly raw: () => Headers.Input,
    readonly contentType: string | undefined
  ) {}

  get headers(): Headers.Headers {
    return this.read ??= Headers.fromInput(this.raw())
  }
}
