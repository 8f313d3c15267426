// Draws docs/observability/dashboard.svg: runs the demo, lets Prometheus scrape it, asks Prometheus the queries of the
// panels of docs/observability/dashboard.json, and draws what it answers where Grafana would. `npm run dashboard`, or
// `npm run dashboard -- --minutes 5`. It needs the program `prometheus` (Debian: apt-get install prometheus).
import { spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const folder = path.join(root, "docs", "observability")
const { values } = parseArgs({ options: { minutes: { type: "string", default: "3" } } })
const seconds = Number(values.minutes) * 60
const step = Math.max(1, Math.round(seconds / 120))
const api = "http://127.0.0.1:19090"

if (spawnSync("prometheus", ["--version"]).error !== undefined) {
  console.error("There is no prometheus here: apt-get install prometheus, or see https://prometheus.io/download")
  process.exit(1)
}

/** The answer of Prometheus to a query of a panel, as series with the legend of Grafana. */
const query = async ({ expr, legendFormat }, start, end) => {
  const parameters = new URLSearchParams({ query: expr.replaceAll("$__rate_interval", "15s"), start, end, step })
  const answer = await (await fetch(`${api}/api/v1/query_range?${parameters}`)).json()
  if (answer.status !== "success") throw new Error(`${expr}: ${answer.error}`)
  return answer.data.result.map(({ metric, values }) => ({
    name: legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? "").trim(),
    points: values.map(([at, value]) => [at, Number(value)]).filter(([, value]) => Number.isFinite(value))
  })).filter(({ points }) => points.length > 0)
}

const record = async () => {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), "effect-suprsend-prometheus-"))
  const config = path.join(data, "prometheus.yml")
  fs.writeFileSync(
    config,
    "scrape_configs:\n- job_name: demo\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['127.0.0.1:9464']\n"
  )
  const prometheus = spawn("prometheus", [
    `--config.file=${config}`,
    `--storage.tsdb.path=${path.join(data, "tsdb")}`,
    `--web.listen-address=${new URL(api).host}`
  ], { stdio: "ignore" })
  const demo = spawn(process.execPath, ["--import", "tsx", path.join(root, "docs", "examples", "demo.ts")], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"]
  })
  try {
    await sleep((seconds + 20) * 1_000)
    const end = Math.floor(Date.now() / 1_000)
    const { panels } = JSON.parse(fs.readFileSync(path.join(folder, "dashboard.json"), "utf8"))
    return await Promise.all(panels.map(async (panel) => ({
      panel,
      series: (await Promise.all(panel.targets.map((target) => query(target, end - seconds, end)))).flat()
    })))
  } finally {
    demo.kill("SIGINT")
    prometheus.kill("SIGTERM")
    await sleep(1_000)
    fs.rmSync(data, { recursive: true, force: true })
  }
}

const column = 44
const row = 32
const gap = 8
const colours = ["#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642"]

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const short = (n) =>
  n >= 1e6 ? `${+(n / 1e6).toFixed(1)}M` : n >= 1e3 ? `${+(n / 1e3).toFixed(1)}k` : `${+n.toFixed(n < 1 ? 3 : 1)}`

const formats = {
  percentunit: (n) => `${+(n * 100).toFixed(1)}%`,
  s: (n) => n < 1 ? `${+(n * 1_000).toFixed(1)} ms` : `${+n.toFixed(2)} s`,
  bytes: (n) => `${short(n)}B`,
  Bps: (n) => `${short(n)}B/s`,
  reqps: (n) => `${short(n)} req/s`,
  ops: (n) => `${short(n)}/s`,
  short
}

/** A round number of at least `n`. */
const ceiling = (n) => {
  const power = 10 ** Math.floor(Math.log10(n || 1))
  return ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= n) ?? 10) * power
}

/** The names below a panel, in rows that fit its width. */
const legendOf = (series, colourOf, { bottom, left, right }) => {
  const words = []
  let x = left
  let y = bottom
  for (const { name } of series) {
    const width = 26 + name.length * 7.2
    if (x + width > right) {
      x = left
      y += 15
    }
    words.push(
      `<rect x="${x}" y="${y - 8}" width="12" height="3" fill="${colourOf(name)}"/>`,
      `<text x="${x + 16}" y="${y - 3}">${escape(name)}</text>`
    )
    x += width
  }
  return words
}

const draw = ({ panel, series }, [from, to]) => {
  const { h, w, x: column0, y: row0 } = panel.gridPos
  const [left, top, width, height] = [column0 * column + gap, row0 * row + gap, w * column - gap, h * row - gap]
  const format = formats[panel.fieldConfig.defaults.unit]
  const frame = [
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" rx="3" fill="#181b1f" stroke="#2c3235"/>`,
    `<text class="title" x="${left + 10}" y="${top + 20}">${escape(panel.title)}</text>`
  ]
  if (panel.type === "stat") {
    const last = series[0]?.points.at(-1)?.[1]
    return [
      ...frame,
      `<text class="stat" x="${left + width / 2}" y="${top + height - 26}" text-anchor="middle">${
        last === undefined ? "no data" : format(last)
      }</text>`
    ]
  }
  const isStacked = panel.fieldConfig.defaults.custom.stacking?.mode === "normal"
  const ordered = [...series].sort((one, other) => one.name.localeCompare(other.name))
  const below = new Map()
  const drawn = ordered.map(({ name, points }) => ({
    name,
    points: points.map(([at, value]) => {
      const base = isStacked ? below.get(at) ?? 0 : 0
      below.set(at, base + value)
      return [at, base, base + value]
    })
  }))
  const maximum = ceiling(Math.max(...drawn.flatMap(({ points }) => points.map(([, , value]) => value)), 1e-9))
  const area = { left: left + 62, right: left + width - 14, top: top + 34, bottom: top + height - 46 }
  const x = (at) => (area.left + (area.right - area.left) * (at - from) / (to - from)).toFixed(1)
  const y = (value) => (area.bottom - (area.bottom - area.top) * value / maximum).toFixed(1)
  const colourOf = (name) => colours[ordered.findIndex((one) => one.name === name) % colours.length]
  const marks = [0, 0.25, 0.5, 0.75, 1].flatMap((part) => [
    `<line class="grid" x1="${area.left}" x2="${area.right}" y1="${y(part * maximum)}" y2="${y(part * maximum)}"/>`,
    `<text x="${area.left - 6}" y="${Number(y(part * maximum)) + 4}" text-anchor="end">${format(part * maximum)}</text>`
  ])
  const lines = drawn.flatMap(({ name, points }) => {
    const over = points.map(([at, , value]) => `${x(at)},${y(value)}`)
    const under = points.map(([at, base]) => `${x(at)},${y(base)}`).reverse()
    return [
      `<polygon points="${[...over, ...under].join(" ")}" fill="${colourOf(name)}" fill-opacity="${
        isStacked ? 0.35 : 0
      }"/>`,
      `<polyline points="${over.join(" ")}" fill="none" stroke="${colourOf(name)}" stroke-width="1.5"/>`
    ]
  })
  const legend = legendOf(ordered, colourOf, { left: left + 12, right: left + width - 8, bottom: top + height - 22 })
  return [...frame, ...marks, ...lines, ...legend]
}

const drawings = await record()
const empty = drawings.filter(({ series }) => series.length === 0).map(({ panel }) => panel.title)
const all = drawings.flatMap(({ series }) => series.flatMap(({ points }) => points.map(([at]) => at)))
const [from, to] = [Math.min(...all), Math.max(...all)]
const height = Math.max(...drawings.map(({ panel: { gridPos: { h, y } } }) => y + h)) * row + gap
fs.writeFileSync(
  path.join(folder, "dashboard.svg"),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${
    24 * column + gap
  } ${height}" font-family="system-ui, sans-serif">
<style>text { font-size: 11px; fill: #9da7b3 } .title { font-size: 13px; font-weight: 600; fill: #d8d9da }
.stat { font-size: 34px; font-weight: 600; fill: #7eb26d } .grid { stroke: #2c3235 }</style>
<rect width="100%" height="100%" fill="#111217"/>
${drawings.flatMap((drawing) => draw(drawing, [from, to])).join("\n")}
</svg>
`
)
console.log(`docs/observability/dashboard.svg: ${drawings.length} panels, ${seconds} seconds`)
if (empty.length > 0) {
  console.error(`Without data: ${empty.join(", ")}`)
  process.exitCode = 1
}
