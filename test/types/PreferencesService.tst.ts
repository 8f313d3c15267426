import type { BulkIdReport } from "effect-suprsend/Bulk"
import type { OffsetPage } from "effect-suprsend/Page"
import type {
  Category,
  CategoryUpdate,
  ChannelPreference,
  PreferenceChannel,
  Preferences,
  PreferencesUpdate
} from "effect-suprsend/Preferences"
import * as PreferencesService from "effect-suprsend/PreferencesService"
import type { SuprsendClient } from "effect-suprsend/SuprsendClient"
import type * as E from "effect-suprsend/SuprsendError"
import * as TagFilter from "effect-suprsend/TagFilter"
import type { Effect } from "effect/Effect"
import type { Layer } from "effect/Layer"
import type { Stream } from "effect/Stream"
import { describe, expect, it } from "tstyche"

type Service = PreferencesService.PreferencesService.Service
type Request = E.SuprsendUnauthorized | E.SuprsendRejected | E.SuprsendRateLimited | E.SuprsendUnavailable
type Any =
  | E.InvalidDistinctId
  | E.SuprsendInvalidInput
  | E.SuprsendUserNotFound
  | E.SuprsendUnexpectedResponse
  | Request

describe("each method lists exactly the errors that it can have", () => {
  it("all preferences", () => {
    expect<ReturnType<Service["get"]>>().type.toBe<Effect<Preferences, Any>>()
    expect<ReturnType<Service["update"]>>().type.toBe<Effect<Preferences, Any>>()
  })

  it("channels", () => {
    expect<ReturnType<Service["getChannels"]>>().type.toBe<Effect<ReadonlyArray<ChannelPreference>, Any>>()
    expect<ReturnType<Service["updateChannels"]>>().type.toBe<Effect<ReadonlyArray<ChannelPreference>, Any>>()
  })

  it("categories", () => {
    expect<ReturnType<Service["listCategories"]>>().type.toBe<Effect<OffsetPage<Category>, Any>>()
    expect<ReturnType<Service["listCategoriesStream"]>>().type.toBe<Stream<Category, Any>>()
    expect<ReturnType<Service["getCategory"]>>().type.toBe<Effect<Category, Any>>()
    expect<ReturnType<Service["updateCategory"]>>().type.toBe<Effect<Category, Any>>()
  })

  it("bulk", () => {
    expect<ReturnType<Service["bulkUpdate"]>>().type.toBe<Effect<BulkIdReport, E.SuprsendInvalidInput>>()
    expect<ReturnType<Service["bulkReset"]>>().type.toBe<Effect<BulkIdReport, E.SuprsendInvalidInput>>()
  })
})

describe("what methods take", () => {
  it("is only what has a meaning there", () => {
    // By the parameters: a call of these is an effect that nobody runs, which the language service takes for a mistake.
    expect<["ada", { tenantId: "acme"; locale: "es"; tags: "admin" }]>().type.toBeAssignableTo<
      Parameters<Service["get"]>
    >()
    expect<["ada", { limit: 10 }]>().type.not.toBeAssignableTo<Parameters<Service["get"]>>()
    expect<["ada", PreferencesUpdate, { locale: "es" }]>().type.not.toBeAssignableTo<Parameters<Service["update"]>>()
    expect<["ada", { showOptOutChannels: true }]>().type.not.toBeAssignableTo<Parameters<Service["getChannels"]>>()
    expect<["ada", { limit: 10; offset: 20; tags: "admin" }]>().type.toBeAssignableTo<
      Parameters<Service["listCategories"]>
    >()
    expect<["ada", { after: "cursor" }]>().type.not.toBeAssignableTo<Parameters<Service["listCategories"]>>()
    expect<["ada", "news", { tags: "admin" }]>().type.not.toBeAssignableTo<Parameters<Service["getCategory"]>>()
    expect<[["ada"], { categories: false; concurrency: 2 }]>().type.toBeAssignableTo<Parameters<Service["bulkReset"]>>()
    expect<[["ada"], PreferencesUpdate, { categories: false }]>().type.not.toBeAssignableTo<
      Parameters<Service["bulkUpdate"]>
    >()
  })

  it("is an update with known words", () => {
    expect<{ preference: "opt_in"; optOutChannels: ["email"] }>().type.toBeAssignableTo<CategoryUpdate>()
    expect<{ preference: "cant_unsubscribe" }>().type.not.toBeAssignableTo<CategoryUpdate>()
    expect<{ categories: [{ preference: "opt_in" }] }>().type.not.toBeAssignableTo<PreferencesUpdate>()
    // An editor completes the literals of the union; a channel of next year is allowed too.
    expect<string>().type.toBeAssignableTo<PreferenceChannel>()
  })
})

describe("a filter", () => {
  it("is composed of tags and filters", () => {
    expect(TagFilter.and("a", TagFilter.or("b", TagFilter.not("c")), TagFilter.exists(true))).type.toBe<
      TagFilter.TagFilter
    >()
    expect(TagFilter.not).type.not.toBeCallableWith(1)
    expect(TagFilter.exists).type.not.toBeCallableWith("a")
    expect<{ or: ["a", { and: [] }] }>().type.toBeAssignableTo<TagFilter.TagFilter>()
    expect<{ nor: ["a"] }>().type.not.toBeAssignableTo<TagFilter.TagFilter>()
    expect<number>().type.not.toBeAssignableTo<TagFilter.TagFilter>()
  })
})

it("the layer needs a client", () => {
  expect(PreferencesService.layer).type.toBe<
    Layer<PreferencesService.PreferencesService, never, SuprsendClient>
  >()
})
