// Where the time of a run goes, by the sampling profiler of the runtime: microseconds of the main thread by what it was busy with.
import type { Profiler } from "node:inspector"
import { Session } from "node:inspector/promises"

/** What a frame of the stack belongs to, by its file. The innermost that belongs to something decides. */
const kinds: ReadonlyArray<readonly [kind: string, file: RegExp]> = [
  [
    "building edits",
    /\/test\/bench\/(contenders|record)|\/src\/(UserEdit|Operation)\.js|\/src\/internal\/(edit\/userEdit|edit\/dual|edit\/operation|support\/trim|bulk\/source)\.js/
  ],
  ["checking and writing edits", /\/src\/internal\/(event\/encoder|event\/uuid|edit\/validate|support\/json)\.js/],
  ["packing requests", /\/src\/internal\/bulk\/batch(Builder)?\.js/],
  ["signing", /\/src\/Signature\.js/],
  ["undici and sockets", /\/undici\/|^node:(net|internal\/stream)|wasm:/],
  ["the rest of this package", /\/src\//],
  ["Effect's runtime", /\/effect\/dist\//]
]

export const parts: ReadonlyArray<string> = [
  ...kinds.map(([kind]) => kind),
  "collecting garbage",
  "waiting",
  "everything else"
]

/** What the profiler itself is busy with belongs to nothing. */
const partOf = (frames: ReadonlyArray<Profiler.ProfileNode["callFrame"]>): string | undefined => {
  const [innermost] = frames
  if (frames.some(({ url }) => url === "node:inspector")) return undefined
  if (innermost?.functionName === "(garbage collector)") return "collecting garbage"
  if (innermost?.functionName === "(idle)") return "waiting"
  for (const { url } of frames) {
    const kind = kinds.find(([, file]) => file.test(url))
    if (kind !== undefined) return kind[0]
  }
  return "everything else"
}

/** Microseconds by part. */
export const tally = ({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Readonly<Record<string, number>> => {
  const nodeOf = new Map(nodes.map((node) => [node.id, node]))
  const parentOf = new Map(nodes.flatMap(({ children = [], id }) => children.map((child) => [child, id] as const)))
  const framesOf = (id: number | undefined): ReadonlyArray<Profiler.ProfileNode["callFrame"]> => {
    const node = id === undefined ? undefined : nodeOf.get(id)
    return node === undefined ? [] : [node.callFrame, ...framesOf(parentOf.get(node.id))]
  }
  const partOfNode = new Map(nodes.map(({ id }) => [id, partOf(framesOf(id))]))
  const micros: Record<string, number> = Object.fromEntries(parts.map((part) => [part, 0]))
  samples.forEach((id, i) => {
    const part = partOfNode.get(id)
    if (part !== undefined) micros[part] = (micros[part] ?? 0) + (timeDeltas[i] ?? 0)
  })
  return micros
}

export const profiled = async (run: () => Promise<void> | undefined): Promise<Readonly<Record<string, number>>> => {
  const session = new Session()
  session.connect()
  await session.post("Profiler.enable")
  await session.post("Profiler.setSamplingInterval", { interval: 200 })
  await session.post("Profiler.start")
  await run()
  const { profile } = await session.post("Profiler.stop")
  session.disconnect()
  return tally(profile)
}
