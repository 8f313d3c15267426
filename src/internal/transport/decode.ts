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
 * Undoes the content encoding of a response. The client asks for none, but what stands between it and SuprSend may choose one.
 *
 * @internal
 */
export const decoded = (zlib: typeof Zlib, head: Head, listener: Listener): Listener =>
  // The encoding that was applied first is undone last.
  encodingsOf(head).reduce<Listener>(
    (inner, encoding) => decode(decoderOf(zlib, encoding), encoding, inner),
    listener
  )

/**
 * Undoes the content encoding of a body, unless that was done before: then it is no such encoding any more.
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

/** The listener, but for what is done otherwise. */
const delegate = (listener: Listener, otherwise: Partial<Listener>): Listener => ({
  onHead: (head) => listener.onHead(head),
  onData: (chunk) => listener.onData(chunk),
  onEnd: (text) => listener.onEnd(text),
  onFailure: (cause, isSent) => listener.onFailure(cause, isSent),
  onDefect: (cause) => listener.onDefect(cause),
  ...otherwise
})
