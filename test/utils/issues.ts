import { expect } from "@effect/vitest"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as Either from "effect/Either"
import * as input from "../../src/internal/edit/input.js"
import { Encoder } from "../../src/internal/event/encoder.js"
import { loosely } from "./loosely.js"

/** Returns the issues of an edit, and checks that the encoder of events finds the same. */
export const issuesOf = (edit: UserEdit.UserEdit) => {
  const issues = Either.match(UserEdit.validate(edit), { onLeft: ({ issues }) => issues, onRight: () => [] })
  const encoder = new Encoder({ workspace: undefined, userAgent: "me" }, 1_000)
  expect(encoder.event(edit, edit.insertId === undefined ? "id" : edit.insertId, 0)).toEqual(issues)
  return issues
}

/** Returns the paths of the issues of an edit, each within its operation. */
export const pathsOf = (edit: UserEdit.UserEdit) => issuesOf(edit).map(({ path }) => path.slice(2))

/** Returns the message of the first issue of an edit. */
export const messageOf = (edit: UserEdit.UserEdit) => issuesOf(edit)[0]?.message

/** Returns the issues of a profile. */
export const issuesOfProfile = (profile: unknown) =>
  Either.match(loosely(input.profile)("call", profile), { onLeft: ({ issues }) => issues, onRight: () => [] })
