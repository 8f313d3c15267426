import { Effect } from "effect"
import { PreferencesService } from "effect-suprsend/PreferencesService"

export const optOut = (id: string, category: string) =>
  Effect.gen(function*() {
    const preferences = yield* PreferencesService
    yield* preferences.updateCategory(id, category, { preference: "opt_out" })
    return (yield* preferences.getCategory(id, category)).preference
  })
