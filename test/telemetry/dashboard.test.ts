import { describe, expect, it } from "@effect/vitest"
import * as Telemetry from "effect-suprsend/Telemetry"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { answer, scripted } from "../utils/scripted.js"
import { inAnHour } from "../utils/time.js"

const Dashboard = Schema.parseJson(Schema.Struct({
  panels: Schema.Array(Schema.Struct({
    title: Schema.String,
    targets: Schema.Array(Schema.Struct({ expr: Schema.String, legendFormat: Schema.String }))
  }))
}))

const { panels } = Schema.decodeSync(Dashboard)(
  Fs.readFileSync(fileURLToPath(new URL("../../docs/observability/dashboard.json", import.meta.url)), "utf8")
)

/** A name or tag as exporters for Prometheus write it. */
const sanitized = (name: string) => name.replace(/\W/g, "_")

const suffixes: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" }

/** All series that exporters may make of the metrics, with their labels. */
const series = Effect.map(Metric.snapshot, (pairs) => {
  const found = new Map<string, Set<string>>()
  for (const { metricKey: { keyType, name, tags }, metricState } of pairs) {
    if (!/^(suprsend|http)\./.test(name)) continue
    const unit = suffixes[tags.find(({ key }) => key === "unit")?.value ?? ""] ?? ""
    const base = sanitized(name)
    const isMonotonic = "incremental" in keyType && keyType.incremental === true
    const parts = MetricState.isHistogramState(metricState)
      ? ["_bucket", "_count", "_sum"]
      : [isMonotonic ? "_total" : ""]
    const names = [base, base.endsWith(unit) ? base : base + unit].flatMap((base) => parts.map((part) => base + part))
    for (const name of names) {
      const labels = found.get(name) ?? new Set(["le"])
      for (const { key } of tags) labels.add(sanitized(key))
      found.set(name, labels)
    }
  }
  return found
})

describe("dashboard", () => {
  it.effect("asks only for metrics and labels that exist, under the names of both kinds of exporter", () => {
    const { layer } = scripted([answer(429, "{}", { "retry-after": "1" }), answer(202, "OK")], {
      rateLimit: { limit: 1, window: "1 second" }
    })
    return Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      const edit = UserEdit.unset(UserEdit.edit("ada"), "plan")
      yield* inAnHour(Effect.zipRight(users.bulkEdit([edit]), Effect.exit(users.get("ada"))))
      const all = yield* series
      expect(panels.length).toBeGreaterThan(10)
      for (const { targets, title } of panels) {
        for (const { expr, legendFormat } of targets) {
          const selectors = [...expr.matchAll(/\{__name__=~"([^"]+)"([^}]*)\}/g)]
          expect([title, selectors.length > 0]).toEqual([title, true])
          for (const [, pattern, matchers] of selectors) {
            const names = [...all.keys()].filter((name) => new RegExp(`^${pattern}$`).test(name))
            expect([title, pattern, names.length > 0]).toEqual([title, pattern, true])
            const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, by]) => by?.split(/, ?/) ?? [])
            const matched = [...(matchers ?? "").matchAll(/,(\w+)[=!]/g)].map(([, label]) => label)
            const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label)
            for (const label of [...grouped, ...matched, ...shown]) {
              expect([title, label, names.every((name) => all.get(name)?.has(label ?? ""))]).toEqual([
                title,
                label,
                true
              ])
            }
          }
        }
      }
      // Each metric has a panel.
      const asked = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join("\n")
      expect(Object.keys(Telemetry.all)).toHaveLength(11)
      for (const name of all.keys()) {
        const base = name.replace(/(_seconds|_bytes)?(_bucket|_count|_sum|_total)?$/, "")
        expect([base, asked.includes(base)]).toEqual([base, true])
      }
    }).pipe(Effect.provide(layer))
  })
})
