import { Effect } from "effect"
import * as Bulk from "effect-suprsend/Bulk"
import { edit, set } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"

export const upgrade = (ids: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const users = yield* UsersService
    const report = yield* users.bulkEdit(ids.map((id) => set(edit(id), "plan", "pro")))
    for (const { edit, error, index } of report.failedRecords) {
      yield* Effect.logError(`record ${index}, ${edit.distinctId}: ${error.message}`)
    }
    return report.failure === 0 ? report : yield* users.bulkEdit(Bulk.editsToRetry(report))
  })
