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
export const decoded = (zlib: typeof Zlib, { headers }: Head, listener: Listener): Listener => {
  const encodings = (headers["content-encoding"] ?? "").toLowerCase().split(",").map((encoding) => encoding.trim())
  // The encoding that was applied first is undone last.
  return encodings
    .filter((encoding) => encoding !== "" && encoding !== "identity")
    .reduce<Listener>((inner, encoding) => decode(decoderOf(zlib, encoding), encoding, inner), listener)
}

const decode = (decoder: Decoder | undefined, encoding: string, listener: Listener): Listener => {
  if (decoder === undefined) {
    const unknown = () =>
      listener.onFailure(new Error(`the response has an unknown content encoding: ${encoding}`), true)
    return { ...listener, onData: () => {}, onEnd: unknown }
  }
  decoder.on("data", listener.onData)
  decoder.on("end", () => listener.onEnd())
  decoder.on("error", (cause) => listener.onFailure(cause, true))
  return {
    ...listener,
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
  }
}
