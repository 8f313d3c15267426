// What a measure has to show, before it is a table on a terminal or a page.
import type { Case, Plan } from "./results.js"

export interface Goal {
  readonly what: string
  readonly measured: string
  readonly target: string
  /** What was hoped for beyond the target. */
  readonly aim?: string
  readonly met: boolean
}

export interface Table {
  readonly head: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

export interface Series {
  readonly name: string
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
}

export interface Plot {
  /** The name of its file. */
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly series: ReadonlyArray<Series>
}

export interface Section {
  readonly title: string
  /** How it was measured, and what was left out: a sentence or two each. */
  readonly about: ReadonlyArray<string>
  readonly table: Table
  readonly goals: ReadonlyArray<Goal>
  readonly plots?: ReadonlyArray<Plot>
}

export interface Measure {
  readonly name: string
  /** The commit that the contender "ours, before" is made of. */
  readonly before?: string
  readonly plans: (full: boolean) => ReadonlyArray<Plan>
  readonly section: (cases: ReadonlyArray<Case>) => Section
}

/** A number as one reads it, or a dash if there is none. */
export const show = (n: number, digits = 0): string =>
  Number.isFinite(n)
    ? n.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
    : "–"

export const times = (n: number): string => Number.isFinite(n) ? `${show(n, n < 1.995 ? 2 : 1)}x` : "–"

/** 100k, 3M. */
export const short = (n: number): string => {
  if (n >= 1_000_000) return `${show(n / 1_000_000, n % 1_000_000 === 0 ? 0 : 1)}M`
  return n >= 1000 ? `${show(n / 1000, n % 1000 === 0 ? 0 : 1)}k` : `${n}`
}

export const atLeast = (
  what: string,
  n: number,
  target: number,
  aim?: number,
  text: (n: number) => string = times
): Goal => ({ what, measured: text(n), target: `≥ ${text(target)}`, ...aimed(aim, text), met: n >= target })

export const atMost = (
  what: string,
  n: number,
  target: number,
  aim?: number,
  text: (n: number) => string = times
): Goal => ({ what, measured: text(n), target: `≤ ${text(target)}`, ...aimed(aim, text), met: n <= target })

const aimed = (aim: number | undefined, text: (n: number) => string) => aim === undefined ? {} : { aim: text(aim) }
