/** A server that lets in `limit` requests in any window of a second, by their arrival in milliseconds. */
export class SlidingWindow {
  /** The arrivals of those that were let in. */
  readonly arrivals: Array<number> = []
  constructor(readonly limit: number) {}

  admits(arrival: number): boolean {
    const earliest = this.arrivals[this.arrivals.length - this.limit]
    if (earliest !== undefined && arrival - earliest < 1000) return false
    this.arrivals.push(arrival)
    return true
  }

  /** Requests a second, from one second after the first arrival until the last. */
  sustained(): number {
    const [first, last] = [this.arrivals[0], this.arrivals.at(-1)]
    if (first === undefined || last === undefined || last - first <= 1000) return 0
    return this.arrivals.filter((arrival) => arrival > first + 1000).length / (last - first - 1000) * 1000
  }
}
