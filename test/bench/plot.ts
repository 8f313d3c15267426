// Draws lines over a logarithmic axis as SVG. Colours and text fit a light and a dark page.
import { type Plot, type Series, short, show } from "./section.js"

const width = 740
const height = 380
const area = { left: 24, right: 590, top: 64, bottom: 336 }
const labelHeight = 18

const colours: Readonly<Record<string, string>> = { ours: "#7c5cff", "by hand": "#1f9d8b", vendor: "#e0793b" }

const style = `text { font: 13px system-ui, sans-serif; fill: #57606a }
.title { font-size: 17px; font-weight: 600; fill: #1f2328 }
.label { font-weight: 600 }
.grid { stroke: #8b949e; stroke-opacity: 0.25 }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round }
@media (prefers-color-scheme: dark) { text { fill: #9da7b3 } .title { fill: #e6edf3 } }`

/** From 0 to at least `maximum`, in about four round steps. */
export const ticks = (maximum: number): ReadonlyArray<number> => {
  const rough = Math.max(maximum, 1) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5].find((factor) => factor * power >= rough) ?? 10) * power
  return Array.from({ length: Math.ceil(Math.max(maximum, 1) / step) + 1 }, (_, i) => i * step)
}

/** Takes `from` to `to` in proportion to the logarithm. */
export const logScale = (
  [low, high]: readonly [number, number],
  [from, to]: readonly [number, number]
) =>
(n: number): number => from + (to - from) * (high === low ? 0.5 : Math.log(n / low) / Math.log(high / low))

/** Moves heights apart that are nearer than `gap`, in their order, and no further down than `bottom`. */
export const spread = (heights: ReadonlyArray<number>, gap: number, bottom: number): ReadonlyArray<number> => {
  const order = heights.map((_, i) => i).sort((a, b) => (heights[a] ?? 0) - (heights[b] ?? 0))
  const moved = [...heights]
  let limit = -Infinity
  for (const i of order) limit = (moved[i] = Math.max(moved[i] ?? 0, limit)) + gap
  limit = bottom
  for (const i of order.reverse()) limit = (moved[i] = Math.min(moved[i] ?? 0, limit)) - gap
  return moved
}

const round = (n: number): string => n.toFixed(1)

/** The picture. */
export const toSvg = ({ series, title, unit }: Plot): string => {
  const drawn = series.filter(({ points }) => points.length > 0)
  const points = drawn.flatMap((one) => one.points)
  const sizes = [...new Set(points.map(([x]) => x))].sort((a, b) => a - b)
  const marks = ticks(Math.max(...points.map(([, y]) => y)))
  const x = logScale([sizes[0] ?? 1, sizes.at(-1) ?? 1], [area.left + 48, area.right])
  const y = (n: number) => area.bottom - (area.bottom - area.top) * n / (marks.at(-1) ?? 1)
  const lastOf = ({ points }: Series): readonly [number, number] => points.at(-1) ?? [0, 0]
  const labels = spread(drawn.map((one) => y(lastOf(one)[1]) + 4), labelHeight, area.bottom + 4)

  const grid = marks.map((n) =>
    `<line class="grid" x1="${area.left + 40}" x2="${area.right}" y1="${round(y(n))}" y2="${round(y(n))}"/>` +
    `<text x="${area.left + 32}" y="${round(y(n) + 4)}" text-anchor="end">${short(n)}</text>`
  )
  const axis = sizes.map((n) =>
    `<text x="${round(x(n))}" y="${area.bottom + 24}" text-anchor="middle">${short(n)}</text>`
  )
  const lines = drawn.map((one, i) => {
    const colour = colours[one.name] ?? "#8b949e"
    const path = one.points.map(([a, b]) => `${round(x(a))},${round(y(b))}`)
    const [endX, endY] = lastOf(one)
    return `<polyline class="line" stroke="${colour}" points="${path.join(" ")}"/>` +
      one.points.map(([a, b]) => `<circle cx="${round(x(a))}" cy="${round(y(b))}" r="4" fill="${colour}"/>`).join("") +
      `<text class="label" x="${round(x(endX) + 12)}" y="${round(labels[i] ?? 0)}" style="fill: ${colour}">` +
      `${one.name}: ${show(endY)}${unit}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
<style>${style}</style>
<text class="title" x="${area.left}" y="32">${title}</text>
${[...grid, ...axis, ...lines].join("\n")}
<text x="${(area.left + 48 + area.right) / 2}" y="${area.bottom + 42}" text-anchor="middle">users in one bulk</text>
</svg>
`
}
