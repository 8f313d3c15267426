// Every verb in every form of the vendor's page "Manage Users", and the values that a check has the most work with.
import type * as Operation from "effect-suprsend/Operation"
import * as UserEdit from "effect-suprsend/UserEdit"

const user = UserEdit.edit("_distinct_id_")

const webPush = {
  endpoint: "https://fcm.googleapis.com/fcm/send/c1KrmpTuRm0:APA91bE",
  expirationTime: null,
  keys: { p256dh: "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u", auth: "tBHItJI5svbpez7KI4CCXg" }
}
const conversation = {
  tenant_id: "c1981ab2-9aaf-xxxx-xxxx",
  service_url: "https://smba.trafficmanager.net/amer",
  conversation_id: "19:c1524d7c-a06f-456f-8abe-xxxx"
}
const member = {
  tenant_id: "c1981ab2-9aaf-xxxx-xxxx",
  service_url: "https://smba.trafficmanager.net/amer",
  user_id: "29:1nsLcmJ2RKtYH6Cxxxx-xxxx"
}
const slackHook = { incoming_webhook: { url: "https://hooks.slack.com/services/TXXXX/BXXXX/XXXXXXX" } }
const teamsHook = { incoming_webhook: { url: "https://wnk1z.webhook.office.com/webhookb2/XXXXXXXXX" } }

/** Edits by what they do, each made anew. */
export const verbForms: Readonly<Record<string, () => UserEdit.UserEdit>> = {
  "add_email": () => UserEdit.addEmail(user, "user@example.com"),
  "add_sms": () => UserEdit.addSms(user, "+15555555555"),
  "add_whatsapp": () => UserEdit.addWhatsapp(user, "+15555555555"),
  "add_androidpush": () => UserEdit.addAndroidPush(user, "__android_push_fcm_token__"),
  "add_iospush": () => UserEdit.addIosPush(user, "__iospush_token__"),
  "add_webpush": () => UserEdit.addWebPush(user, webPush),
  "add_slack, email": () => UserEdit.addSlack(user, { email: "user@example.com", access_token: "xoxb-XXXXXXXX" }),
  "add_slack, member": () => UserEdit.addSlack(user, { user_id: "U03XXXXXXXX", access_token: "xoxb-XXXXXXXX" }),
  "add_slack, channel": () => UserEdit.addSlack(user, { channel_id: "CXXXXXXXX", access_token: "xoxb-XXXXXXXX" }),
  "add_slack, webhook": () => UserEdit.addSlack(user, slackHook),
  "add_ms_teams, conversation": () => UserEdit.addMsTeams(user, conversation),
  "add_ms_teams, member": () => UserEdit.addMsTeams(user, member),
  "add_ms_teams, webhook": () => UserEdit.addMsTeams(user, teamsHook),
  "remove_email": () => UserEdit.removeEmail(user, "user@example.com"),
  "remove_sms": () => UserEdit.removeSms(user, "+15555555555"),
  "remove_whatsapp": () => UserEdit.removeWhatsapp(user, "+15555555555"),
  "remove_androidpush": () => UserEdit.removeAndroidPush(user, "__android_push_fcm_token__"),
  "remove_iospush": () => UserEdit.removeIosPush(user, "__iospush_token__"),
  "remove_webpush": () => UserEdit.removeWebPush(user, webPush),
  "remove_slack, email": () => UserEdit.removeSlack(user, { email: "user@example.com", access_token: "xoxb-XXXXXXXX" }),
  "remove_slack, webhook": () => UserEdit.removeSlack(user, slackHook),
  "remove_ms_teams, conversation": () => UserEdit.removeMsTeams(user, conversation),
  "remove_ms_teams, webhook": () => UserEdit.removeMsTeams(user, teamsHook),
  "unset, key": () => UserEdit.unset(user, "$email"),
  "unset, keys": () => UserEdit.unset(user, ["$email", "$sms", "$whatsapp"]),
  "set_preferred_language, en": () => UserEdit.setPreferredLanguage(user, "en"),
  "set_preferred_language, zh-Hans-CN": () => UserEdit.setPreferredLanguage(user, "zh-Hans-CN"),
  "set_preferred_language, ca-valencia": () => UserEdit.setPreferredLanguage(user, "ca-valencia"),
  "set_locale, en_GB": () => UserEdit.setLocale(user, "en_GB"),
  "set_locale, es-419": () => UserEdit.setLocale(user, "es-419"),
  "set_timezone": () => UserEdit.setTimezone(user, "America/Los_Angeles"),
  "set_timezone, link": () => UserEdit.setTimezone(user, "Asia/Kolkata"),
  "set, key": () => UserEdit.set(user, "name", "John Doe"),
  "set, record": () => UserEdit.set(user, { name: "John Doe", city: "San Francisco" }),
  "set, numbers and flags": () =>
    UserEdit.set(user, {
      seats: 12,
      ratio: 0.25,
      since: 1735689600000,
      active: true,
      left: null
    }),
  "set, nested": () =>
    UserEdit.set(user, {
      address: { street: "1 Main St", city: "San Francisco", geo: { lat: 37.77, lng: -122.42 } },
      tags: ["pro", "beta", "eu"],
      history: [{ plan: "free", until: "2024-01-01" }, { plan: "pro", until: null }]
    }),
  "set, list of numbers": () => UserEdit.set(user, "scores", Array.from({ length: 40 }, (_, i) => i * 7)),
  "set, list of ratios": () =>
    UserEdit.set(user, "ratios", Array.from({ length: 40 }, (_, i) => (i * 7919 % 1000) / 997)),
  "set, list of records": () =>
    UserEdit.set(
      user,
      "orders",
      Array.from({ length: 12 }, (_, i) => ({ id: `order-${i}`, paid: i % 2 === 0 }))
    ),
  "set, twelve levels": () =>
    UserEdit.set(
      user,
      "deep",
      Array.from({ length: 12 }).reduce<Operation.JsonValue>((inner) => ({ inner, at: [1] }), 1)
    ),
  "set, empty lists and records": () => UserEdit.set(user, { list: [], record: {}, both: [{}, [], [[]]] }),
  "set, keys of other letters": () => UserEdit.set(user, { "größe": 42, "名前": "Ada", "first name": "Ada" }),
  "set, user of other letters": () => UserEdit.set(UserEdit.edit("zoë@例え.jp"), "name", "Zoë"),
  "set, of a tenant": () => UserEdit.set(UserEdit.edit("_distinct_id_", { tenantId: "acme" }), "name", "John Doe"),
  "set, other letters": () => UserEdit.set(user, { name: "Zoë Łukasz", city: "San José, Übersee" }),
  "set, other scripts": () => UserEdit.set(user, { name: "山田 太郎", city: "सैन फ्रांसिस्को" }),
  "set, emoji": () => UserEdit.set(user, "status", "on holiday 🏖️ until Monday 🎉"),
  "set, quotes and lines": () => UserEdit.set(user, "bio", "says \"hello\"\nand leaves\t\\o/"),
  "set, long text": () => UserEdit.set(user, "bio", "Lorem ipsum dolor sit amet, ".repeat(40)),
  "set, long text of other letters": () => UserEdit.set(user, "bio", "Größe und Maß, ".repeat(80)),
  "set_once, key": () => UserEdit.setOnce(user, "first_login", "2021-11-02"),
  "set_once, record": () => UserEdit.setOnce(user, { first_login: "2021-11-02", signup_date: "2021-11-02" }),
  "increment, key": () => UserEdit.increment(user, "login_count", 1),
  "increment, record": () => UserEdit.increment(user, { login_count: 1, order_count: 1 }),
  "append, key": () => UserEdit.append(user, "played_games", "game_1"),
  "append, record": () => UserEdit.append(user, { played_games: "game_1", liked_games: "game_2" }),
  "append, identity": () => UserEdit.append(user, { $email: "user@example.com" }),
  "remove, key": () => UserEdit.remove(user, "played_games", "game_1"),
  "remove, record": () => UserEdit.remove(user, { played_games: "game_1", liked_games: "game_2" }),
  "raw, another operator": () => UserEdit.appendOperation(user, { $increment: { login_count: "1" } }),
  "raw, two operators": () => UserEdit.appendOperation(user, { $set: { plan: "pro" }, $unset: ["trial"] }),
  "ten verbs": () =>
    Array.from({ length: 10 }).reduce<UserEdit.UserEdit>(
      (edit, _, i) => UserEdit.set(edit, `key_${i}`, i),
      user
    ),
  "no verb": () => user
}
