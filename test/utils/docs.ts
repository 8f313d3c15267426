import * as Fs from "node:fs"

/** The text of a page below `docs/`. */
export const read = (page: string): string => Fs.readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8")

/** The tables of a page, row by row, the heads included and the lines below them left out. */
export const tables = (text: string): ReadonlyArray<ReadonlyArray<ReadonlyArray<string>>> =>
  (text.match(/^\|[^\n]*\n\|[-|: ]+\n(?:\|[^\n]*\n)*/gm) ?? []).map((table) =>
    table.trimEnd().split("\n").filter((_, line) => line !== 1).map((line) =>
      line.split("|").slice(1, -1).map((cell) => cell.trim())
    )
  )
