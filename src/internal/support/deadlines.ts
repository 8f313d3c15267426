/**
 * An instant at which a callback runs, unless it is removed before.
 *
 * @internal
 */
export class Deadline {
  /** Its position in the heap, or -1 once it is removed. */
  index = -1

  /** @param order the order of deadlines at the same instant */
  constructor(readonly at: number, readonly order: number, readonly due: () => void) {}
}

const isBefore = (a: Deadline, b: Deadline): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

// In milliseconds. No timer sleeps for less, so waiting for the remaining time would be a busy
// loop.
const resolution = 0.001

/**
 * A priority queue of deadlines: a binary heap.
 *
 * Adding and removing take O(log n). Adding takes O(1) if deadlines arrive in order, as they mostly
 * do.
 *
 * @internal
 */
export class Deadlines {
  private readonly heap: Array<Deadline> = []
  private added = 0

  /** The earliest instant, or infinity if there is none. */
  get first(): number {
    return this.heap[0]?.at ?? Infinity
  }

  add(at: number, due: () => void): Deadline {
    const deadline = new Deadline(at, this.added++, due)
    this.rise(deadline, this.heap.length)
    return deadline
  }

  /** Removes a deadline, unless it is over or already removed. */
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

  /** Runs the callbacks that are due, within the resolution of timers. */
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
