/**
 * An insert id that is made only when it is used: most are only ever written into a request.
 *
 * @internal
 */
export abstract class LazyInsertId {
  abstract toString(): string
  /** Writes its digits over a template in the bytes. */
  abstract write(bytes: Uint8Array, position: number): void
}
