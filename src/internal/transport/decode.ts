import * as Option from "effect/Option"
import type * as Zlib from "node:zlib"
import type { Head, Listener } from "./transport.js"

type Decoder = ReturnType<typeof Zlib.createGunzip>

const decoderOf = (zlib: typeof Zlib, encoding: string): Decoder | undefined => {
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return zlib.createGunzip()
    case "deflate":
      return zlib.createInflate()
    case "br":
      return zlib.createBrotliDecompress()
    default:
      return undefined
  }
}

/**
 * Decodes the content encoding of a response.
 *
 * The client does not request one, but a proxy may add one.
 *
 * @internal
 */
export const decoded = (zlib: typeof Zlib, head: Head, listener: Listener): Listener =>
  // Encodings are removed in reverse order of their application.
  encodingsOf(head).reduce<Listener>(
    (inner, encoding) => decode(decoderOf(zlib, encoding), encoding, inner),
    listener
  )

/**
 * Decodes the content encoding of a body, unless the client has already done so.
 *
 * In that case the body no longer matches its header, and is returned unchanged.
 *
 * @internal
 */
export const decodedAll = (
  zlib: typeof Zlib,
  head: Pick<Head, "headers">,
  bytes: Uint8Array,
  maximumBytes: number
): Uint8Array =>
  encodingsOf(head).reduceRight((bytes, encoding) => {
    const options = { maxOutputLength: maximumBytes }
    const decode = Option.liftThrowable((): Uint8Array =>
      encoding === "br" ? zlib.brotliDecompressSync(bytes, options) : zlib.unzipSync(bytes, options)
    )
    return Option.getOrElse(decode(), () => bytes)
  }, bytes)

const encodingsOf = ({ headers }: Pick<Head, "headers">): ReadonlyArray<string> =>
  (headers["content-encoding"] ?? "").toLowerCase().split(",").map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== "" && encoding !== "identity")

const decode = (decoder: Decoder | undefined, encoding: string, listener: Listener): Listener => {
  if (decoder === undefined) {
    const unknown = () =>
      listener.onFailure(new Error(`the response has an unknown content encoding: ${encoding}`), true)
    return delegate(listener, { onData: () => {}, onEnd: unknown })
  }
  decoder.on("data", (chunk: Uint8Array) => listener.onData(chunk))
  decoder.on("end", () => listener.onEnd())
  decoder.on("error", (cause) => listener.onFailure(cause, true))
  return delegate(listener, {
    onData: (chunk) => {
      decoder.write(chunk)
    },
    onEnd: () => {
      decoder.end()
    },
    onFailure: (cause, isSent) => {
      decoder.destroy()
      listener.onFailure(cause, isSent)
    }
  })
}

/** Returns a listener with some methods replaced. */
const delegate = (listener: Listener, otherwise: Partial<Listener>): Listener => ({
  onHead: (head) => listener.onHead(head),
  onData: (chunk) => listener.onData(chunk),
  onEnd: (text) => listener.onEnd(text),
  onFailure: (cause, isSent) => listener.onFailure(cause, isSent),
  onDefect: (cause) => listener.onDefect(cause),
  ...otherwise
})
