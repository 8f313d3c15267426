import * as Headers from "@effect/platform/Headers"
import type { Head } from "./transport.js"

/**
 * A head whose headers are read only if they are asked for.
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
