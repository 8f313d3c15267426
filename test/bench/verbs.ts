// What a verb costs in a bulk, checked and written, beside `JSON.stringify` of the very same event.
import { Encoder } from "../../src/internal/event/encoder.js"
import { verbForms } from "./contenders/verbForms.js"
import { median, ratio } from "./statistics.js"

const client = { workspace: "workspace-key", userAgent: "effect-suprsend/0.1.0" }
const insertId = "0b2d0b2e-0b2d-4b2d-8b2d-0b2d0b2d0b2d"
const time = 1_735_689_600_000

const nanosEach = (count: number, run: () => number): number => {
  const before = process.hrtime.bigint()
  let written = 0
  for (let i = 0; i < count; i++) written += run()
  if (written <= 0) throw new Error("Nothing was written")
  return Number(process.hrtime.bigint() - before) / count
}

/** So short that a busy machine seldom gets in between. */
const writesARound = 200

/** Nanoseconds a form, ours and by `JSON.stringify`, which take turns so that a busy machine is busy for both. */
export const measureVerbs = (count: number): Record<string, number> => {
  const encoder = new Encoder(client, 0)
  const forms = Object.entries(verbForms).map(([name, make]) => {
    const edit = make()
    // Of another edit, since what is read of one is frozen, which in a bulk nothing is.
    const { distinctId, operations, tenantId } = make()
    const event = {
      $schema: "2",
      $insert_id: insertId,
      $time: time,
      env: client.workspace,
      distinct_id: distinctId,
      $user_operations: operations,
      properties: { $ss_sdk_version: client.userAgent },
      ...(tenantId === undefined ? undefined : { tenant_id: tenantId })
    }
    const ours = () => {
      encoder.rewind(0)
      if (encoder.event(edit, insertId, time).length > 0) throw new Error(`${name} is not valid`)
      return encoder.position
    }
    const byHand = () => JSON.stringify(event).length
    return { name, ours, byHand, nanos: { ours: new Array<number>(), byHand: new Array<number>() } }
  })
  const rounds = Math.max(3, Math.ceil(count / writesARound))
  // All of them in turn, and not one after the other: the runtime compiles for the mixture, as it does in a program.
  for (let round = 0; round < rounds; round++) {
    for (const { byHand, nanos, ours } of forms) {
      nanos.ours.push(nanosEach(writesARound, ours))
      nanos.byHand.push(nanosEach(writesARound, byHand))
    }
  }
  const warm = Math.floor(rounds / 3)
  return Object.fromEntries(forms.flatMap(({ name, nanos }) => [
    [name, ratio(nanos.ours.slice(warm), nanos.byHand.slice(warm))],
    [nanosOf(name), median(nanos.ours.slice(warm))]
  ]))
}

/** Under which name the nanoseconds of a form are kept. */
export const nanosOf = (name: string): string => `${name}: ns`
