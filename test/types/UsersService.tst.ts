import type { HttpClient } from "@effect/platform/HttpClient"
import type { AssociatedTenant } from "effect-suprsend/AssociatedTenant"
import type { BulkIdReport, BulkOutcome, BulkReport, Source, SourceOf } from "effect-suprsend/Bulk"
import type { Page } from "effect-suprsend/Page"
import type { RateLimiter } from "effect-suprsend/RateLimiter"
import type { Sandbox } from "effect-suprsend/Sandbox"
import type { ListSubscription, ObjectSubscription } from "effect-suprsend/Subscription"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import type * as E from "effect-suprsend/SuprsendError"
import type { User } from "effect-suprsend/User"
import { edit, set, type UserEdit } from "effect-suprsend/UserEdit"
import type { UserProfile } from "effect-suprsend/UserProfile"
import * as UsersService from "effect-suprsend/UsersService"
import type { UnknownException } from "effect/Cause"
import type { ConfigError } from "effect/ConfigError"
import type { Effect } from "effect/Effect"
import { pipe } from "effect/Function"
import type { Layer } from "effect/Layer"
import type { Option } from "effect/Option"
import type { Redacted } from "effect/Redacted"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "tstyche"

type Users = UsersService.UsersService.Service
type Request =
  | E.SuprsendUnauthorized
  | E.SuprsendRejected
  | E.SuprsendRateLimited
  | E.SuprsendUnavailable
  | E.SuprsendUnexpectedResponse
type Read = E.InvalidDistinctId | E.SuprsendUserNotFound | E.SuprsendUnexpectedResponse | Request
type List = E.SuprsendInvalidInput | E.SuprsendUnexpectedResponse | Request
type Tenant = Read | E.SuprsendInvalidInput

declare const edits: ReadonlyArray<UserEdit>
declare const failing: Stream.Stream<UserEdit, "no more", { readonly _: "database" }>
declare const cursor: AsyncIterable<UserEdit>
declare const rows: ReadonlyArray<Row>
declare const users: Users

interface Row {
  readonly name: string
  readonly $email: Array<string>
  readonly address?: { readonly city: string }
}

declare const unknown: unknown
declare const misnamed: { readonly $email: string; readonly name: string }

interface Database {
  readonly _: "database"
}
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
    expect(users.bulkEditStream(edits, { concurrency: 4 })).type.toBe<Stream.Stream<BulkOutcome>>()
    expect(users.bulkEditStream(failing)).type.toBe<Stream.Stream<BulkOutcome, "no more", { readonly _: "database" }>>()
  })

  it("bulk, of an async iterable", () => {
    expect(users.bulkEdit(cursor)).type.toBe<Effect<BulkReport, UnknownException>>()
    expect(users.bulkEditStream(cursor)).type.toBe<Stream.Stream<BulkOutcome, UnknownException>>()
    expect((source: Source<"no more", Database>) => users.bulkEdit(source)).type.toBe<
      (source: Source<"no more", Database>) => Effect<BulkReport, "no more" | UnknownException, Database>
    >()
  })

  it("reads", () => {
    expect<ReturnType<Users["get"]>>().type.toBe<Effect<User, Read>>()
    expect<ReturnType<Users["delete"]>>().type.toBe<
      Effect<void, E.InvalidDistinctId | E.SuprsendUserNotFound | Request>
    >()
    expect<ReturnType<Users["list"]>>().type.toBe<Effect<Page<User>, List>>()
    expect<ReturnType<Users["listStream"]>>().type.toBe<Stream.Stream<User, List>>()
    expect<ReturnType<Users["getObjectsSubscribedTo"]>>().type.toBe<Effect<Page<ObjectSubscription>, Read>>()
    expect<ReturnType<Users["getObjectsSubscribedToStream"]>>().type.toBe<Stream.Stream<ObjectSubscription, Read>>()
    expect<ReturnType<Users["getListsSubscribedTo"]>>().type.toBe<Effect<Page<ListSubscription>, Read>>()
    expect<ReturnType<Users["getListsSubscribedToStream"]>>().type.toBe<Stream.Stream<ListSubscription, Read>>()
  })
})

describe("each further method lists exactly the errors that it can have", () => {
  it("whole users", () => {
    expect<ReturnType<Users["upsert"]>>().type.toBe<
      Effect<User, E.InvalidDistinctId | E.SuprsendInvalidInput | E.SuprsendUnexpectedResponse | Request>
    >()
    expect<ReturnType<Users["merge"]>>().type.toBe<Effect<User, Read>>()
    expect<ReturnType<Users["bulkDelete"]>>().type.toBe<Effect<BulkIdReport>>()
  })

  it("tenants", () => {
    expect<ReturnType<Users["listAssociatedTenants"]>>().type.toBe<Effect<Page<AssociatedTenant>, Read>>()
    expect<ReturnType<Users["listTenantProfiles"]>>().type.toBe<Effect<Page<User>, Read>>()
    expect<ReturnType<Users["listTenantProfilesStream"]>>().type.toBe<Stream.Stream<User, Read>>()
    expect<ReturnType<Users["listAssociatedTenantsStream"]>>().type.toBe<Stream.Stream<AssociatedTenant, Read>>()
    expect<ReturnType<Users["getForTenant"]>>().type.toBe<Effect<User, Tenant>>()
    expect<ReturnType<Users["upsertForTenant"]>>().type.toBe<Effect<User, Tenant>>()
    expect<ReturnType<Users["unlinkTenant"]>>().type.toBe<
      Effect<void, E.InvalidDistinctId | E.SuprsendInvalidInput | E.SuprsendUserNotFound | Request>
    >()
  })

  it("with the answer", () => {
    expect(SuprsendClient.withResponse(users.get("ada"))).type.toBe<
      Effect<readonly [value: User, response: Option<SuprsendClient.SuprsendClient.Response>], Read>
    >()
  })
})

describe("what methods take", () => {
  it("is what JSON can carry, and channels as they are documented", () => {
    // By the parameters: a call of these is an effect that nobody runs, which the language service takes for a mistake.
    expect<{ $email: ["ada@example.com"]; plan: "pro"; seats: null }>().type.toBeAssignableTo<UserProfile>()
    expect<{ $email: "ada@example.com" }>().type.not.toBeAssignableTo<UserProfile>()
    expect<{ $slack: [{ user_id: "U1" }] }>().type.not.toBeAssignableTo<UserProfile>()
    expect<{ when: Date }>().type.not.toBeAssignableTo<UserProfile>()
    expect<Parameters<Users["upsert"]>>().type.toBe<[distinctId: string, profile: UserProfile]>()
    expect<Parameters<Users["upsertForTenant"]>>().type.toBe<
      [distinctId: string, tenantId: string, profile: UserProfile]
    >()
    expect<[Set<string>, { concurrency: 2 }]>().type.toBeAssignableTo<Parameters<Users["bulkDelete"]>>()
    expect<[Array<number>]>().type.not.toBeAssignableTo<Parameters<Users["bulkDelete"]>>()
    expect<[{ tenantId: "acme"; limit: 10; after: undefined }]>().type.toBeAssignableTo<Parameters<Users["list"]>>()
    expect<[{ tenant_id: "acme" }]>().type.not.toBeAssignableTo<Parameters<Users["list"]>>()
  })
})

describe("rows that are typed as interfaces", () => {
  type Upsert = ReturnType<Users["upsert"]>

  it("are profiles", () => {
    expect((row: Row) => users.upsert("ada", row)).type.toBe<(row: Row) => Upsert>()
    expect((row: Row) => users.upsertForTenant("ada", "acme", row)).type.toBe<(row: Row) => Effect<User, Tenant>>()
    expect((subscription: PushSubscriptionJSON) => users.upsert("ada", { $webpush: [subscription] })).type.toBe<
      (subscription: PushSubscriptionJSON) => Upsert
    >()
    // @ts-expect-error is not assignable to type
    expect(() => users.upsert("ada", { $webpush: [{ endpoint: "https://x" }] })).type.toBe<() => Upsert>()
    expect((profile: UserProfile) => users.upsert("ada", profile)).type.toBe<(profile: UserProfile) => Upsert>()
    expect(() => users.upsert("ada", { $email: ["ada@example.com"], $webpush: [], plan: "pro" })).type.toBe<
      () => Upsert
    >()
    // @ts-expect-error Types of property '$email' are incompatible.
    expect(() => users.upsert("ada", misnamed)).type.toBe<() => Upsert>()
    // @ts-expect-error Types of property '$email' are incompatible.
    expect(() => users.upsertForTenant("ada", "acme", misnamed)).type.toBe<() => Effect<User, Tenant>>()
    // @ts-expect-error Type 'Date' is not assignable to type 'JsonValue
    expect(() => users.upsert("ada", { when: new Date() })).type.toBe<() => Upsert>()
    // @ts-expect-error Type 'undefined' is not assignable to type 'JsonValue'
    expect(() => users.upsert("ada", { plan: undefined })).type.toBe<() => Upsert>()
    // @ts-expect-error is not assignable to parameter of type
    expect(() => users.upsert("ada", ["ada@example.com"])).type.toBe<() => Upsert>()
  })

  it("are not edits, as one sentence says", () => {
    // @ts-expect-error Argument of type 'readonly Row[]' is not assignable to parameter of type '"Pass edits: an iterable
    expect(() => users.bulkEdit(rows)).type.toBe<() => Effect<BulkReport>>()
    // @ts-expect-error Argument of type 'readonly Row[]' is not assignable to parameter of type '"Pass edits: an iterable
    expect(() => users.bulkEditStream(rows)).type.toBe<() => Stream.Stream<BulkOutcome>>()
    // @ts-expect-error is not assignable to parameter of type '"Pass edits: an iterable
    expect(() => users.bulkEdit([undefined, ...edits])).type.toBe<() => Effect<BulkReport>>()
    // @ts-expect-error is not assignable to parameter of type '"Pass edits: an iterable
    expect(() => users.bulkEdit("ada")).type.toBe<() => Effect<BulkReport>>()
    expect<SourceOf<typeof rows>>().type.toBeAssignableTo<`Pass edits: ${string}`>()
    expect<SourceOf<Stream.Stream<Row>>>().type.toBe<SourceOf<typeof rows>>()
    expect<SourceOf<typeof edits>>().type.toBe<typeof edits>()
    expect<SourceOf<Generator<UserEdit, void, unknown>>>().type.toBe<Generator<UserEdit, void, unknown>>()
  })
})

it("edits come from anything that has them", () => {
  expect(pipe(edits, users.bulkEdit)).type.toBe<Effect<BulkReport>>()
  expect(pipe(failing, users.bulkEditStream)).type.toBe<
    Stream.Stream<BulkOutcome, "no more", { readonly _: "database" }>
  >()
  expect(users.bulkEdit([])).type.toBe<Effect<BulkReport>>()
  expect(users.bulkEdit([edit("ada"), set(edit("ada"), "plan", "pro"), set("plan", "pro")(edit("ada"))])).type.toBe<
    Effect<BulkReport>
  >()
  expect(users.bulkEdit(rows.map((row) => set(edit(row.name), row)))).type.toBe<Effect<BulkReport>>()
  expect(users.bulkEditStream(pipe(rows, Stream.fromIterable, Stream.map((row) => set(edit(row.name), row)))))
    .type.toBe<Stream.Stream<BulkOutcome>>()
  expect(users.bulkEdit(unknown)).type.toBe<Effect<BulkReport, never, SourceOf<number>>>()
  expect(users.bulkEdit(new Set(edits), { concurrency: 2 })).type.toBe<Effect<BulkReport>>()
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
    // Events name their workspace by it.
    expect(Suprsend.layer).type.not.toBeCallableWith({ apiKey: secret })
    expect(Suprsend.layer).type.not.toBeCallableWith({ apiKey: secret, workspaceUid: undefined })
    expect(Suprsend.layer).type.not.toBeCallableWith({ ...credentials, apiKey: secret })
  })
})
