import * as Signature from "../../Signature.js"
import type * as SuprsendConfig from "../../SuprsendConfig.js"
import { type Answer, malformed, refuse } from "./wire.js"

/**
 * Why a request is turned away before anybody looks at it, if it is.
 *
 * @internal
 */
export const authorize = (
  { body, headers, method, uri }: {
    readonly method: string
    readonly uri: string
    readonly headers: { readonly [name: string]: string }
    readonly body: string
  },
  credentials: SuprsendConfig.WorkspaceCredentials
): Answer | undefined => {
  const { authorization = "", date = "", "content-type": contentType = "" } = headers
  if (!Signature.verify({ method, uri, body, date, contentType }, credentials, authorization)) {
    return refuse(401, "signature mismatch")
  }
  return /^application\/json(;|$)/.test(contentType) ? undefined : malformed
}

/** @internal */
export const splitUri = (uri: string): readonly [path: string, query: URLSearchParams] => {
  const [path = "", query] = uri.split("?", 2)
  return [path, new URLSearchParams(query)]
}

/** @internal */
export const toResponse = ({ body, contentType, status }: Answer): Response =>
  new Response(status === 204 ? null : body, { status, headers: { "content-type": contentType } })

/**
 * The head and the first half of the body, then an error or nothing more.
 *
 * @internal
 */
export const half = (response: Response, ends: boolean): Response => {
  const { headers, status } = response
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const bytes = new Uint8Array(await response.arrayBuffer())
      controller.enqueue(bytes.subarray(0, bytes.length / 2))
      if (ends) controller.error(new Error("other side closed"))
    }
  })
  return new Response(status === 204 ? null : body, { status, headers })
}
