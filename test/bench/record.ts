// What every contender sends: the edit of user `i`, in the mix of verbs and forms that the vendor's "Manage Users" page shows.

export const workspace = { key: "workspace-key", secret: "workspace-secret" }

export const idOf = (i: number): string => `user-${i}`

export const indexOf = (id: string): number => Number(id.slice("user-".length))

export const emailOf = (i: number): string => `user-${i}@example.com`

export const phoneOf = (i: number): string => `+1555${String(i % 10_000_000).padStart(7, "0")}`

export const tokenOf = (i: number): string => `token-${i}-cXf3lq8Zk2`

export const propertiesOf = (i: number) => ({ name: "Ada Lovelace", plan: "pro", cohort: i % 100 })

// Links of the IANA database among them, as backends have them: Asia/Calcutta, US/Pacific, Europe/Kiev.
const zones = [
  "America/Los_Angeles",
  "Asia/Kolkata",
  "Europe/London",
  "Asia/Calcutta",
  "US/Pacific",
  "Europe/Berlin",
  "Europe/Kiev",
  "Australia/Sydney"
]

/** The zones of the edits that set nothing else: a name that the runtime takes for canonical, and a link to it. */
export const zonesAlone = ["Asia/Calcutta", "Asia/Kolkata"]

export const zoneOf = (i: number): string => zones[i % zones.length] ?? "Etc/UTC"

const languages = ["en", "es-419", "pt-BR", "zh-Hans-CN", "hi", "de"]

export const languageOf = (i: number): string => languages[i % languages.length] ?? "en"

const locales = ["en-US", "en_GB", "fr-CA", "es-419"]

export const localeOf = (i: number): string => locales[i % locales.length] ?? "en-US"

export const slackOf = (i: number) =>
  i % 3 === 0
    ? { email: emailOf(i), access_token: "xoxb-XXXXXXXX" }
    : i % 3 === 1
    ? { user_id: `U03${i}`, access_token: "xoxb-XXXXXXXX" }
    : { incoming_webhook: { url: `https://hooks.slack.com/services/T/B/${i}` } }

export const teamsOf = (i: number) =>
  i % 2 === 0
    ? { tenant_id: "c1981ab2-9aaf", service_url: "https://smba.trafficmanager.net/amer", user_id: `29:${i}` }
    : { incoming_webhook: { url: `https://wnk1z.webhook.office.com/webhookb2/${i}` } }

/** The verbs and forms, each with the operation as which it travels. */
export const forms = {
  addEmail: (i: number) => ({ $append: { $email: emailOf(i) } }),
  set: (i: number) => ({ $set: { name: `Ada ${i}` } }),
  setRecord: (i: number) => ({ $set: propertiesOf(i) }),
  setTimezone: (i: number) => ({ $set: { $timezone: zoneOf(i) } }),
  setPreferredLanguage: (i: number) => ({ $set: { $preferred_language: languageOf(i) } }),
  increment: (_: number) => ({ $add: { logins: 1 } }),
  incrementRecord: (_: number) => ({ $add: { logins: 1, orders: -1 } }),
  addSms: (i: number) => ({ $append: { $sms: phoneOf(i) } }),
  addWhatsapp: (i: number) => ({ $append: { $whatsapp: phoneOf(i) } }),
  addSlack: (i: number) => ({ $append: { $slack: slackOf(i) } }),
  addMsTeams: (i: number) => ({ $append: { $ms_teams: teamsOf(i) } }),
  removeEmail: (i: number) => ({ $remove: { $email: emailOf(i) } }),
  removeSms: (i: number) => ({ $remove: { $sms: phoneOf(i) } }),
  removeSlack: (i: number) => ({ $remove: { $slack: slackOf(i) } }),
  setOnce: (_: number) => ({ $set_once: { first_login: "2021-11-02" } }),
  setOnceRecord: (_: number) => ({ $set_once: { first_login: "2021-11-02", signup_date: "2021-11-02" } }),
  unset: (_: number) => ({ $unset: ["name"] }),
  unsetList: (_: number) => ({ $unset: ["$email", "$sms", "$whatsapp"] }),
  append: (i: number) => ({ $append: { played_games: `game_${i % 50}` } }),
  appendRecord: (i: number) => ({ $append: { played_games: `game_${i % 50}`, liked_games: "game_2" } }),
  remove: (i: number) => ({ $remove: { played_games: `game_${i % 50}` } })
} as const

export type Form = keyof typeof forms

const names = Object.keys(forms).filter((name): name is Form => name in forms)

/**
 * The three forms of user `i`: a zone in every second edit, and each other form as often as any other.
 */
export const formsOf = (i: number): readonly [Form, Form, Form] => [
  i % 2 === 0 ? "setTimezone" : "addEmail",
  names[i % names.length] ?? "set",
  names[(i * 5 + 7) % names.length] ?? "set"
]

/** The operations as they travel: what is written by hand, and what the sink compares with. */
export const operationsOf = (i: number) => {
  const [first, second, third] = formsOf(i)
  return [forms[first](i), forms[second](i), forms[third](i)]
}
