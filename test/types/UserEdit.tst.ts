import type { ChannelKey, MsTeams, Slack } from "effect-suprsend/Channel"
import type { JsonValue } from "effect-suprsend/Operation"
import * as Operation from "effect-suprsend/Operation"
import * as UserEdit from "effect-suprsend/UserEdit"
import { pipe } from "effect/Function"
import { describe, expect, it } from "tstyche"

type Step = (self: UserEdit.UserEdit) => UserEdit.UserEdit

const ada = UserEdit.edit("ada")

interface Row {
  readonly name: string
  readonly plan: "free" | "pro"
  readonly seats: number | null
  readonly address: Address
  readonly tags: ReadonlyArray<string>
  readonly nickname?: string
  readonly parent?: Row
}

interface Address {
  city: string
  geo: [number, number]
}

interface Counters {
  readonly logins: number
  readonly credits?: number
}

declare const subscription: PushSubscription
declare const row: Row
declare const counters: Counters
declare const dated: { readonly name: string; readonly created: { readonly at: Date } }
declare const withMethod: { readonly name: string; save(): void }
declare const withUndefined: { readonly name: string | undefined }
declare const withUnknown: { readonly name: unknown }
// The one place for it: what has no type is let in.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
declare const untyped: any

describe("verbs", () => {
  it("take the edit first, or in a pipe", () => {
    expect(UserEdit.set(ada, "plan", "pro")).type.toBe<UserEdit.UserEdit>()
    expect(UserEdit.set(ada, { plan: "pro" })).type.toBe<UserEdit.UserEdit>()
    expect(UserEdit.set("plan", "pro")).type.toBe<Step>()
    expect(UserEdit.set({ plan: "pro" })).type.toBe<Step>()
    expect(pipe(ada, UserEdit.set("plan", "pro"), UserEdit.unset("old"))).type.toBe<UserEdit.UserEdit>()
    expect(UserEdit.addIosPush("token", { provider: "apns", bundleId: "com.example.app" })).type.toBe<Step>()
    expect(UserEdit.addIosPush(ada, "token")).type.toBe<UserEdit.UserEdit>()
  })

  it("take what JSON can carry", () => {
    expect(UserEdit.set).type.toBeCallableWith("key", null)
    expect(UserEdit.set).type.toBeCallableWith({ nested: { list: [1, "two", { three: true }] } })
    expect(UserEdit.set).type.not.toBeCallableWith("when", new Date())
    // @ts-expect-error JSON carries no Date: pass date.toISOString()
    UserEdit.set("when", new Date())
    expect(UserEdit.set).type.not.toBeCallableWith("when", undefined)
    expect(UserEdit.set).type.not.toBeCallableWith({ when: new Date() })
    expect(UserEdit.set).type.not.toBeCallableWith({ when: undefined })
    expect(UserEdit.set).type.not.toBeCallableWith("n", 1n)
    expect(UserEdit.append).type.not.toBeCallableWith("m", new Map())
    expect<Date>().type.not.toBeAssignableTo<JsonValue>()
    expect<undefined>().type.not.toBeAssignableTo<JsonValue>()
  })

  it("take rows that are typed as interfaces, in either form", () => {
    for (const verb of [UserEdit.set, UserEdit.setOnce, UserEdit.append, UserEdit.remove]) {
      expect(verb).type.toBeCallableWith(row)
      expect(verb).type.toBeCallableWith(ada, row)
      expect(verb).type.toBeCallableWith("row", row)
      expect(verb).type.toBeCallableWith(ada, "rows", [row])
      expect(verb).type.not.toBeCallableWith(dated)
      expect(verb).type.not.toBeCallableWith(ada, dated)
      expect(verb).type.not.toBeCallableWith("row", dated)
      expect(verb).type.not.toBeCallableWith(ada, "rows", [dated])
      expect(verb).type.not.toBeCallableWith(withMethod)
      expect(verb).type.not.toBeCallableWith(withUndefined)
      expect(verb).type.not.toBeCallableWith(withUnknown)
      expect(verb).type.not.toBeCallableWith([row])
      expect(verb).type.not.toBeCallableWith("text alone")
      expect(verb).type.not.toBeCallableWith(() => row)
    }
    for (const operation of [Operation.set, Operation.setOnce, Operation.append, Operation.remove]) {
      expect(operation).type.toBeCallableWith(row)
      expect(operation).type.not.toBeCallableWith(dated)
      expect(operation).type.not.toBeCallableWith([row])
    }
    expect(UserEdit.set(row)).type.toBe<Step>()
    expect(UserEdit.set(ada, "row", row)).type.toBe<UserEdit.UserEdit>()
    expect(Operation.set(row)).type.toBe<Operation.Set>()
  })

  it("take what is generic, and any", () => {
    const value = <A extends JsonValue>(value: A) => UserEdit.set("key", value)
    const record = <A extends Operation.Properties>(record: A) => UserEdit.set(record)
    const amounts = <A extends Operation.Amounts>(amounts: A) => UserEdit.increment(amounts)
    expect(value).type.toBe<<A extends JsonValue>(value: A) => Step>()
    expect(record).type.toBe<<A extends Operation.Properties>(record: A) => Step>()
    expect(amounts).type.toBe<<A extends Operation.Amounts>(amounts: A) => Step>()
    // The untyped answer of a database driver.
    expect(UserEdit.set(untyped)).type.toBe<Step>()
    expect(UserEdit.set(ada, untyped)).type.toBe<UserEdit.UserEdit>()
    expect(UserEdit.set("key", untyped)).type.toBe<Step>()
    expect(UserEdit.set({ key: untyped })).type.toBe<Step>()
    expect(UserEdit.increment({ key: untyped })).type.toBe<Step>()
  })

  it("can be chosen by their name", () => {
    const one = (verb: "set" | "setOnce" | "increment" | "append" | "remove") => UserEdit[verb]("key", 1)
    expect(one("set")).type.toBe<Step>()
  })

  it("increment by numbers only", () => {
    expect(UserEdit.increment).type.toBeCallableWith(counters)
    expect(UserEdit.increment).type.toBeCallableWith(ada, counters)
    expect(Operation.increment).type.toBeCallableWith(counters)
    expect(UserEdit.increment).type.not.toBeCallableWith(row)
    expect(UserEdit.increment).type.not.toBeCallableWith(ada, row)
    expect(UserEdit.increment).type.not.toBeCallableWith([1])
    expect(Operation.increment).type.not.toBeCallableWith(row)

    expect(UserEdit.increment).type.toBeCallableWith("logins", 1)
    expect(UserEdit.increment).type.toBeCallableWith({ logins: 1, credits: -5 })
    expect(UserEdit.increment).type.not.toBeCallableWith("logins", "1")
  })

  it("know the keys of channels", () => {
    expect<ChannelKey>().type.toBe<
      "$email" | "$whatsapp" | "$sms" | "$androidpush" | "$iospush" | "$webpush" | "$slack" | "$ms_teams"
    >()
    // An editor completes the literals of the union; any other key is allowed too.
    expect<ChannelKey>().type.toBeAssignableTo<UserEdit.Key>()
    expect<string>().type.toBeAssignableTo<UserEdit.Key>()
    expect(UserEdit.unset).type.toBeCallableWith(["$email", "nickname"])
    expect(UserEdit.unset).type.not.toBeCallableWith(7)
  })
})

describe("identities", () => {
  it("of Slack are exactly the documented shapes", () => {
    expect<{ email: string; access_token: string }>().type.toBeAssignableTo<Slack>()
    expect<{ user_id: string; access_token: string }>().type.toBeAssignableTo<Slack>()
    expect<{ channel_id: string; access_token: string }>().type.toBeAssignableTo<Slack>()
    expect<{ incoming_webhook: { url: string } }>().type.toBeAssignableTo<Slack>()
    expect<{ email: string }>().type.not.toBeAssignableTo<Slack>()
    expect<{ access_token: string }>().type.not.toBeAssignableTo<Slack>()
    expect<{ email: string; user_id: string; access_token: string }>().type.not.toBeAssignableTo<Slack>()
    expect<{ email: string; access_token: string; incoming_webhook: { url: string } }>().type.not.toBeAssignableTo<
      Slack
    >()
    expect(UserEdit.addSlack).type.not.toBeCallableWith({ email: "a@b.co", accessToken: "xoxb" })
  })

  it("of Microsoft Teams are exactly the documented shapes", () => {
    expect<{ tenant_id: string; service_url: string; conversation_id: string }>().type.toBeAssignableTo<MsTeams>()
    expect<{ tenant_id: string; service_url: string; user_id: string }>().type.toBeAssignableTo<MsTeams>()
    expect<{ incoming_webhook: { url: string } }>().type.toBeAssignableTo<MsTeams>()
    expect<{ tenant_id: string; service_url: string }>().type.not.toBeAssignableTo<MsTeams>()
    expect<{ tenant_id: string; user_id: string }>().type.not.toBeAssignableTo<MsTeams>()
    expect<{ tenant_id: string; service_url: string; user_id: string; conversation_id: string }>()
      .type.not.toBeAssignableTo<MsTeams>()
  })

  it("of web push are a subscription as browsers give it", () => {
    expect(UserEdit.addWebPush).type.toBeCallableWith({ endpoint: "https://x", keys: { p256dh: "p", auth: "a" } })
    expect(UserEdit.addWebPush).type.not.toBeCallableWith({ endpoint: "https://x" })
    expect(UserEdit.addWebPush).type.not.toBeCallableWith("token")
    expect(UserEdit.addWebPush).type.not.toBeCallableWith({ endpoint: "https://x", keys: {} })
    expect(UserEdit.addWebPush).type.not.toBeCallableWith({ endpoint: "https://x", keys: { p256dh: "p" } })
    expect(UserEdit.addWebPush).type.not.toBeCallableWith({ keys: { p256dh: "p", auth: "a" } })
    expect(UserEdit.addWebPush).type.not.toBeCallableWith({})
  })

  it("of web push are what the DOM's types say of one", () => {
    for (const verb of [UserEdit.addWebPush, UserEdit.removeWebPush]) {
      expect(verb).type.toBeCallableWith(subscription.toJSON())
      expect(verb).type.toBeCallableWith(ada, subscription.toJSON(), { provider: "vapid" })
      // The subscription itself is an object of the browser, with methods.
      expect(verb).type.not.toBeCallableWith(subscription)
    }
  })
})

it("an edit cannot be changed", () => {
  expect<UserEdit.UserEdit["operations"]>().type.not.toBeAssignableTo<Array<unknown>>()
})
