import type { ChannelKey, MsTeams, Slack } from "effect-suprsend/Channel"
import type { JsonValue } from "effect-suprsend/Operation"
import * as UserEdit from "effect-suprsend/UserEdit"
import { pipe } from "effect/Function"
import { describe, expect, it } from "tstyche"

type Step = (self: UserEdit.UserEdit) => UserEdit.UserEdit

const ada = UserEdit.edit("ada")

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
    expect(UserEdit.set).type.not.toBeCallableWith("when", undefined)
    expect(UserEdit.set).type.not.toBeCallableWith({ when: new Date() })
    expect(UserEdit.set).type.not.toBeCallableWith({ when: undefined })
    expect(UserEdit.set).type.not.toBeCallableWith("n", 1n)
    expect(UserEdit.append).type.not.toBeCallableWith("m", new Map())
    expect<Date>().type.not.toBeAssignableTo<JsonValue>()
    expect<undefined>().type.not.toBeAssignableTo<JsonValue>()
  })

  it("increment by numbers only", () => {
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
  })
})

it("an edit cannot be changed", () => {
  expect<UserEdit.UserEdit["operations"]>().type.not.toBeAssignableTo<Array<unknown>>()
})
