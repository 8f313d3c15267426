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

This page compares this package with the vendor's Node SDK (\`@suprsend/node-sdk\` 1.15.1) and with code written by hand. The
code by hand uses undici directly, and does only the one job: it has no limiter, retry, validation or report. It shows what is
possible on one thread.

\`\`\`sh
npm run bench                     # small sizes, a few minutes
npm run bench -- --full --write   # the sizes of this page, and this page
npm run bench -- --draw           # this page again, from docs/benchmarks/results.json
\`\`\`

The server is a sink on the loopback interface: a separate process that reads requests and responds as SuprSend does. Each run
is a separate process too. The contenders take turns in each round, so that a slow phase of the machine affects all of them.
Numbers are medians over the rounds; "to" is the median of the ratios within each round. Before the measurement, each contender
sends to a sink that checks every signature, limit and operation. All send the same edit: an e-mail, three properties and an
increment.`

const closing = `## What the numbers do not say

- There is no TLS and no network: on a real one, latency and bandwidth matter more, and the difference in CPU matters less.
- The sink and the contender share the machine. With few cores, the sink lowers the throughput, most of all for the fastest
  contender. CPU seconds are those of the contender alone.
- Absolute numbers are from one machine on one day. Ratios are more stable, but may change with the version of Node.
- SuprSend allows 1000 requests a second: 400,000 users in bulk, or 1000 single calls. Beyond that, a faster contender only uses
  less CPU.
- The code by hand is not fit for production: it stops at the first failure, and does not report the outcome of each user.`

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
