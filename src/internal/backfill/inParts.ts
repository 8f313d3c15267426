import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import type * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/**
 * Waits before each chunk, so that a reader can keep up. Of a large one, it emits one part after the
 * other.
 *
 * @internal
 */
export const inParts = <A, E, R>(rows: Stream.Stream<A, E, R>, ready: Effect.Effect<void>): Stream.Stream<A, E, R> => {
  type Parts = Channel.Channel<Chunk.Chunk<A>, Chunk.Chunk<A>, E, E, void, unknown>
  const emit = (chunk: Chunk.Chunk<A>): Parts =>
    Channel.zipRight(
      Channel.fromEffect(ready),
      chunk.length <= partSize ? Channel.write(chunk) : Channel.flatMap(
        Channel.write(Chunk.take(chunk, partSize)),
        () => emit(Chunk.drop(chunk, partSize))
      )
    )
  const parts: Parts = Channel.readWithCause({
    onInput: (chunk: Chunk.Chunk<A>) => Channel.flatMap(emit(chunk), () => parts),
    onFailure: Channel.failCause,
    onDone: () => Channel.void
  })
  return Stream.pipeThroughChannel(rows, parts)
}

/** The rows of a part. */
const partSize = 4_096
