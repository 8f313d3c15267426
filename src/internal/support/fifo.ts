// From here on, what was taken is dropped once it is as much as what is left: each item moves at most once on average.
const worthDropping = 1_024

/**
 * A queue that holds no more than what is in it, also where it never runs empty.
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

  /** Takes the oldest item; undefined if there is none. */
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

  /** Takes all of them. */
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
