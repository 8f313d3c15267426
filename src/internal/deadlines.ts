/**
 * An instant at which something happens, unless it is taken back before. The list is a ring closed by an entry that comes before all
 * others, so that each can leave it in O(1).
 *
 * @internal
 */
export class Deadline {
  previous: Deadline = this
  next: Deadline = this

  constructor(readonly at: number, readonly due: () => void) {}
}

// In milliseconds. Nobody sleeps for less, so what is due within it would be looked at again and again.
const resolution = 0.001

/**
 * Instants in their order. Those of one kind mostly come in order by themselves, so a place is looked for from the end.
 *
 * @internal
 */
export class Deadlines {
  private readonly ring = new Deadline(-Infinity, () => {})

  /** The earliest; infinity if there is none. */
  get first(): number {
    const { next } = this.ring
    return next === this.ring ? Infinity : next.at
  }

  add(at: number, due: () => void): Deadline {
    const deadline = new Deadline(at, due)
    let { previous } = this.ring
    while (previous.at > at) previous = previous.previous
    deadline.previous = previous
    deadline.next = previous.next
    previous.next.previous = deadline
    previous.next = deadline
    return deadline
  }

  /** Does nothing to one that is over, or was taken back before. */
  remove(deadline: Deadline): void {
    deadline.previous.next = deadline.next
    deadline.next.previous = deadline.previous
    deadline.previous = deadline
    deadline.next = deadline
  }

  /** Has everything happen whose instant has come, or nearly. */
  pass(now: number): void {
    while (this.first - now < resolution) {
      const { next } = this.ring
      this.remove(next)
      next.due()
    }
  }
}
