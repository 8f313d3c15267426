import type { HttpClient } from "@effect/platform/HttpClient"
import type { BulkOutcome, BulkReport } from "effect-suprsend/Bulk"
import type { Page } from "effect-suprsend/Page"
import type { RateLimiter } from "effect-suprsend/RateLimiter"
import type { Sandbox } from "effect-suprsend/Sandbox"
import type { ListSubscription, ObjectSubscription } from "effect-suprsend/Subscription"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import type * as E from "effect-suprsend/SuprsendError"
import type { User } from "effect-suprsend/User"
import type { UserEdit } from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import type { ConfigError } from "effect/ConfigError"
import type { Effect } from "effect/Effect"
import type { Layer } from "effect/Layer"
import type { Redacted } from "effect/Redacted"
import type { Stream } from "effect/Stream"
import { describe, expect, it } from "tstyche"

type Users = UsersService.UsersService.Service
type Request = E.SuprsendUnauthorized | E.SuprsendRejected | E.SuprsendRateLimited | E.SuprsendUnavailable
type Read = E.InvalidDistinctId | E.SuprsendUserNotFound | E.SuprsendUnexpectedResponse | Request

declare const edits: ReadonlyArray<UserEdit>
declare const failing: Stream<UserEdit, "no more", { readonly _: "database" }>
declare const users: Users
declare const secret: Redacted

describe("each method lists exactly the errors that it can have", () => {
  it("edits", () => {
    expect<ReturnType<Users["asyncEdit"]>>().type.toBe<
      Effect<UsersService.UsersService.Accepted, E.InvalidUserEdit | Request>
    >()
    expect<ReturnType<Users["edit"]>>().type.toBe<
      Effect<User, E.InvalidUserEdit | E.SuprsendUserNotFound | E.SuprsendUnexpectedResponse | Request>
    >()
  })

  it("bulk", () => {
    expect(users.bulkEdit(edits)).type.toBe<Effect<BulkReport>>()
    expect(users.bulkEdit(failing)).type.toBe<Effect<BulkReport, "no more", { readonly _: "database" }>>()
    expect(users.bulkEditStream(edits, { concurrency: 4 })).type.toBe<Stream<BulkOutcome>>()
    expect(users.bulkEditStream(failing)).type.toBe<Stream<BulkOutcome, "no more", { readonly _: "database" }>>()
  })

  it("reads", () => {
    expect<ReturnType<Users["get"]>>().type.toBe<Effect<User, Read>>()
    expect<ReturnType<Users["delete"]>>().type.toBe<
      Effect<void, E.InvalidDistinctId | E.SuprsendUserNotFound | Request>
    >()
    expect<ReturnType<Users["list"]>>().type.toBe<
      Effect<Page<User>, E.SuprsendInvalidInput | E.SuprsendUnexpectedResponse | Request>
    >()
    expect<ReturnType<Users["listStream"]>>().type.toBe<
      Stream<User, E.SuprsendInvalidInput | E.SuprsendUnexpectedResponse | Request>
    >()
    expect<ReturnType<Users["getObjectsSubscribedTo"]>>().type.toBe<Effect<Page<ObjectSubscription>, Read>>()
    expect<ReturnType<Users["objectsSubscribedToStream"]>>().type.toBe<Stream<ObjectSubscription, Read>>()
    expect<ReturnType<Users["getListsSubscribedTo"]>>().type.toBe<Effect<Page<ListSubscription>, Read>>()
    expect<ReturnType<Users["listsSubscribedToStream"]>>().type.toBe<Stream<ListSubscription, Read>>()
  })
})

describe("layers", () => {
  const credentials = { workspaceKey: "key", workspaceSecret: secret }

  it("need and give exactly what they say", () => {
    expect(UsersService.layer).type.toBe<Layer<UsersService.UsersService, never, SuprsendClient.SuprsendClient>>()
    expect(SuprsendClient.layer(credentials)).type.toBe<Layer<SuprsendClient.SuprsendClient, ConfigError, HttpClient>>()
    expect(SuprsendClient.layerConfig()).type.toBe<Layer<SuprsendClient.SuprsendClient, ConfigError, HttpClient>>()
    expect(SuprsendClient.layerWithoutRateLimiter(credentials)).type.toBe<
      Layer<SuprsendClient.SuprsendClient, ConfigError, HttpClient | RateLimiter>
    >()
    expect(Suprsend.layer(credentials)).type.toBe<Layer<Suprsend.Suprsend, ConfigError>>()
    expect(Suprsend.layerConfig()).type.toBe<Layer<Suprsend.Suprsend, ConfigError>>()
    expect(Suprsend.layerTest).type.toBeAssignableTo<Layer<Suprsend.Suprsend | Sandbox>>()
  })

  it("take one kind of credentials, with a secret that is redacted", () => {
    expect(Suprsend.layer).type.toBeCallableWith({ apiKey: secret, workspaceUid: "uid" })
    expect(Suprsend.layer).type.not.toBeCallableWith({ workspaceKey: "key", workspaceSecret: "secret" })
    expect(Suprsend.layer).type.not.toBeCallableWith({ workspaceKey: "key" })
    expect(Suprsend.layer).type.not.toBeCallableWith({ ...credentials, apiKey: secret })
  })
})
