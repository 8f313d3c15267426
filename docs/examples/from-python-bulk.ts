import { Effect } from "effect"
import { edit, set, type UserEdit } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"

export interface Row {
  readonly id: string
  readonly signedUp: Date
}

const editOf = ({ id, signedUp }: Row): UserEdit => set(edit(id), "signed_up", signedUp.toISOString())

export const load = (rows: ReadonlyArray<Row>) =>
  Effect.gen(function*() {
    const users = yield* UsersService
    const report = yield* users.bulkEdit(rows.map(editOf))
    return report.failedRecords.map(({ error, index }) => ({
      row: rows[index],
      error: error.message,
      code: error._tag
    }))
  })
