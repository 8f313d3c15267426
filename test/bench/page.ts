// The page of the docs, from what was measured.
import type { Outcome } from "./results.js"
import type { Measure, Section } from "./section.js"
import { goalsTable, toMarkdown } from "./table.js"

export interface Measured {
  readonly measure: Measure
  readonly outcome: Outcome
}

export const provenance = ({ date, full, machine, rounds }: Outcome): string =>
  `${machine}; median of ${rounds} interleaved rounds; ${full ? "full" : "small"} sizes; ${date}`

const chapter = ({ measure, outcome }: Measured): string => {
  const { about, goals, plots, table, title }: Section = measure.section(outcome.cases)
  return [
    `## ${title}`,
    ...about,
    toMarkdown(table),
    ...(goals.length === 0 ? [] : [toMarkdown(goalsTable(goals))]),
    ...(plots ?? []).map(({ name, title }) => `![${title}](benchmarks/${name}.svg)`),
    `Measured on ${provenance(outcome)}. Alone: \`npm run bench -- --only ${measure.name}\`.`
  ].join("\n\n")
}

const opening = `# Benchmarks

What this package costs, beside the vendor's Node SDK (\`@suprsend/node-sdk\` 1.15.1) and beside code written by hand on raw
undici for nothing but the one job: no limiter, no retry, no validation, no report. That code is the yardstick of what is
possible on one thread.

\`\`\`sh
npm run bench                     # small sizes, a few minutes
npm run bench -- --full --write   # the sizes of this page, and this page
npm run bench -- --draw           # this page again, from docs/benchmarks/results.json
\`\`\`

The server is a sink on the loopback interface, in a process of its own, that reads requests and answers as SuprSend does. Each
run is a process of its own too, and the contenders take turns, round after round, so that a machine that is slow for a while is
slow for all. Numbers are medians over the rounds; "to" is the median of the ratios within each round. Before anything is
timed, each contender sends to a sink that checks every signature, limit and operation. All send the same edit: an e-mail,
three properties and an increment.`

const closing = `## What the numbers do not say

- There is no TLS and no network: on a real one, latency and bandwidth matter more, and the difference in CPU matters less.
- The sink shares the machine with whoever is measured. With few cores it takes its part of the throughput, of the quickest most;
  CPU seconds are those of the contender alone.
- Absolute numbers are those of one machine on one day. Ratios travel better, but not to another version of Node for certain.
- SuprSend allows 1000 requests a second. Above 400,000 users a second in bulk, and 1000 calls one by one, faster is only cheaper.
- What is written by hand is no contender for real use: it stops at the first failure and cannot say what became of whom.`

export const toPage = (measured: ReadonlyArray<Measured>): string =>
  `${[opening, ...measured.map(chapter), closing].join("\n\n")}\n`

/** The same for a terminal. */
export const toTerminal = (
  { about, goals, table, title }: Section,
  text: (table: Section["table"]) => string
): string =>
  [
    `\n${title}\n`,
    ...about.map((line) => `  ${line.replaceAll("`", "")}`),
    `\n${text(table)}`,
    ...(goals.length === 0 ? [] : [`\n${text(goalsTable(goals))}`])
  ].join("\n")
