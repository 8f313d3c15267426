/**
 * An instant at which something is due, unless it is removed before.
 *
 * @internal
 */
export class Deadline {
  /** Its place in the heap; -1 once it has left. */
  index = -1

  /** @param order tells those of one instant apart: the one that was added first is due first */
  constructor(readonly at: number, readonly order: number, readonly due: () => void) {}
}

const isBefore = (a: Deadline, b: Deadline): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

// In milliseconds. No timer sleeps for less, so what is due within it would be looked at again and again.
const resolution = 0.001

/**
 * Instants in their order, as a binary heap: each is added and removed in O(log n), whatever the order they come in.
 *
 * Mostly they come in order by themselves, and then adding one is O(1).
 *
 * @internal
 */
export class Deadlines {
  private readonly heap: Array<Deadline> = []
  private added = 0

  /** The earliest; infinity if there is none. */
  get first(): number {
    return this.heap[0]?.at ?? Infinity
  }

  add(at: number, due: () => void): Deadline {
    const deadline = new Deadline(at, this.added++, due)
    this.rise(deadline, this.heap.length)
    return deadline
  }

  /** Does nothing to one that is over, or was removed before. */
  remove(deadline: Deadline): void {
    const { index } = deadline
    if (this.heap[index] !== deadline) return
    deadline.index = -1
    const last = this.heap.pop()
    if (last === undefined || last === deadline) return
    const parent = this.heap[(index - 1) >> 1]
    if (parent !== undefined && isBefore(last, parent)) this.rise(last, index)
    else this.sink(last, index)
  }

  /** Runs everything whose instant has come, or nearly. */
  pass(now: number): void {
    for (let first = this.heap[0]; first !== undefined && first.at - now < resolution; first = this.heap[0]) {
      this.remove(first)
      first.due()
    }
  }

  private place(deadline: Deadline, index: number): void {
    this.heap[index] = deadline
    deadline.index = index
  }

  private rise(deadline: Deadline, from: number): void {
    let index = from
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.heap[above]
      if (parent === undefined || !isBefore(deadline, parent)) break
      this.place(parent, index)
      index = above
    }
    this.place(deadline, index)
  }

  private sink(deadline: Deadline, from: number): void {
    let index = from
    while (true) {
      const left = 2 * index + 1
      const first = this.heap[left]
      if (first === undefined) break
      const second = this.heap[left + 1]
      const isSecond = second !== undefined && isBefore(second, first)
      const child = isSecond ? second : first
      if (!isBefore(child, deadline)) break
      this.place(child, index)
      index = isSecond ? left + 1 : left
    }
    this.place(deadline, index)
  }
}
