// Tables as text, for a terminal and for a page.
import type { Goal, Table } from "./section.js"

/** In columns, numbers to the right. */
export const toText = ({ head, rows }: Table): string => {
  const columns = head.map((title, column) => [title, ...rows.map((row) => row[column] ?? "")])
  const widths = columns.map((cells) => Math.max(...cells.map((cell) => cell.length)))
  return [head, ...rows].map((row) =>
    `  ${
      row.map((cell, column) =>
        isText(rows, column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
      ).join("  ").trimEnd()
    }`
  ).join("\n")
}

export const toMarkdown = ({ head, rows }: Table): string =>
  [head, head.map((_, column) => isText(rows, column) ? "---" : "---:"), ...rows]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n")

const number = /^–$|^([≥≤] )?[\d,.]+[kMx]?( (ms|ns|µs|MB|%))?( – [\d,.]+)?$/

/** A column that holds anything but numbers. */
const isText = (rows: Table["rows"], column: number): boolean => rows.some((row) => !number.test(row[column] ?? ""))

export const goalsTable = (goals: ReadonlyArray<Goal>): Table => ({
  head: ["target", "measured", "wanted", "hoped for", ""],
  rows: goals.map((
    { aim, measured, met, target, what }
  ) => [what, measured, target, aim ?? "–", met ? "met" : "missed"])
})
