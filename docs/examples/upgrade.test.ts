import { it } from "@effect/vitest"
import { flow } from "effect"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import { increment, set } from "effect-suprsend/UserEdit"

const upgrade = (plan: string) => flow(set("plan", plan), increment("upgrades", 1))

it("upgrade is a verb", () => Arbitraries.assertVerb(upgrade("pro")))
