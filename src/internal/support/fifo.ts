// From this many taken items on, they are dropped once they are half of the array. So each item is
// moved at most once on average.
const worthDropping = 1_024

/**
 * A queue that releases the items taken from it, even if it never becomes empty.
 *
 * @internal
 */
export class Fifo<A> {
  private items: Array<A> = []
  private head = 0

  get length(): number {
    return this.items.length - this.head
  }

  push(item: A): void {
    this.items.push(item)
  }

  /** Takes the oldest item, or returns undefined if the queue is empty. */
  shift(): A | undefined {
    const item = this.items[this.head]
    if (this.head < this.items.length) this.head++
    if (this.head === this.items.length) {
      if (this.head > 0) this.clear()
    } else if (this.head >= worthDropping && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
    return item
  }

  /** Takes all items. */
  drain(): ReadonlyArray<A> {
    const items = this.head === 0 ? this.items : this.items.slice(this.head)
    this.clear()
    return items
  }

  private clear(): void {
    this.items = []
    this.head = 0
  }
}
