import { describe, expect, it, vi } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as input from "../../src/internal/edit/input.js"
import { issuesOf, issuesOfProfile, messageOf, pathsOf } from "../utils/issues.js"
import { dataFirst } from "../utils/untyped.js"

const user = UserEdit.edit("user-42")

describe("a time zone", () => {
  const isValid = (zone: string) => issuesOf(UserEdit.setTimezone(user, zone)).length === 0

  const links = [
    "Asia/Kolkata",
    "Asia/Calcutta",
    "Europe/Kyiv",
    "Europe/Kiev",
    "America/Nuuk",
    "America/Argentina/ComodRivadavia",
    "America/Knox_IN",
    "Antarctica/McMurdo",
    "Antarctica/South_Pole",
    "Australia/ACT",
    "Australia/NSW",
    "Brazil/DeNoronha",
    "Canada/Saskatchewan",
    "Chile/EasterIsland",
    "Mexico/BajaSur",
    "US/East-Indiana",
    "US/Pacific",
    "Etc/UTC",
    "Etc/UCT",
    "Etc/Zulu",
    "Etc/Universal",
    "Etc/Greenwich",
    "Etc/GMT",
    "Etc/GMT0",
    "Etc/GMT+0",
    "Etc/GMT-14",
    "Etc/GMT+12",
    "UTC",
    "UCT",
    "GMT",
    "GMT0",
    "GMT+0",
    "GMT-0",
    "Greenwich",
    "Universal",
    "Zulu",
    "Cuba",
    "Eire",
    "GB",
    "GB-Eire",
    "Hongkong",
    "NZ",
    "NZ-CHAT",
    "PRC",
    "ROC",
    "ROK",
    "Singapore",
    "W-SU"
  ]

  it("is valid if the runtime lists it, or if it is a link", () => {
    const listed = Intl.supportedValuesOf("timeZone").filter((zone) => /^(?!SystemV)\w+\//.test(zone))
    expect([...listed, ...links].filter((zone) => !isValid(zone))).toEqual([])
  })

  it("is invalid if it is an abbreviation, known to the runtime, the database or neither", () => {
    const abbreviations = [
      ..."ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST".split(
        " "
      ),
      ..."EST MST HST CET MET EET WET EST5EDT CST6CDT MST7MDT PST8PDT EDT CEST AEST bst est PST8 EST5 UTC+5 GMT+5"
        .split(" ")
    ]
    expect(abbreviations.filter(isValid)).toEqual([])
    expect(messageOf(UserEdit.setTimezone(user, "BST"))).toBe(
      "must be an IANA time zone such as \"Europe/London\", not an abbreviation, which can mean several zones"
    )
  })

  it("is invalid if the database does not have it, or no longer has it", () => {
    for (
      const zone of [
        "SystemV/PST8PDT",
        "SystemV/EST5",
        "US/Pacific-New",
        "Canada/East-Saskatchewan",
        "Asia/Riyadh87",
        "Etc/Unknown",
        "Etc/GMT+15",
        "Etc/GMT-00",
        "Factory",
        "localtime",
        "posixrules",
        "posix/Europe/London",
        "+05:30",
        "-08",
        "Europe",
        "Europe/",
        "/London",
        "Europe//London",
        "Mars/Olympus",
        "Europe/London/City",
        "Europe/London\n",
        "Europe\u2044London"
      ]
    ) {
      expect([zone, isValid(zone)]).toEqual([zone, false])
    }
  })

  it("is case-sensitive, and the message suggests the name of the database", () => {
    const meant: Record<string, string> = {
      "europe/london": "Europe/London",
      "EUROPE/LONDON": "Europe/London",
      "asia/kolkata": "Asia/Kolkata",
      "Asia/KOLKATA": "Asia/Kolkata",
      "america/port-au-prince": "America/Port-au-Prince",
      "antarctica/dumontdurville": "Antarctica/DumontDUrville",
      "America/New York": "America/New_York",
      " Asia/Kolkata ": "Asia/Kolkata",
      "utc": "UTC",
      "gb-eire": "GB-Eire"
    }
    for (const [zone, name] of Object.entries(meant)) {
      expect(messageOf(UserEdit.setTimezone(user, zone))).toBe(
        `must be an IANA time zone such as "Europe/London": did you mean "${name}"?`
      )
      expect(isValid(name)).toBe(true)
    }
  })

  it.prop("is only suggested if it is valid", [
    FastCheck.oneof(
      FastCheck.string({ maxLength: 80 }),
      FastCheck.tuple(Arbitraries.timezone, FastCheck.constantFrom("", " ", "_", "X")).map((parts) => parts.join("")),
      Arbitraries.timezone.map((zone) => zone.toLowerCase())
    )
  ], ([zone]) => {
    const suggested = /did you mean "(.*)"\?$/s.exec(messageOf(UserEdit.setTimezone(user, zone)) ?? "")?.[1]
    if (suggested !== undefined) expect(isValid(suggested)).toBe(true)
  })

  it("is looked up once, whether it is a link or not, and never if it is too long", () => {
    const asked = vi.spyOn(Intl, "DateTimeFormat")
    try {
      const check = (zone: string) => {
        asked.mockClear()
        for (let i = 0; i < 500; i++) void UserEdit.validate(UserEdit.setTimezone(user, zone))
        return asked.mock.calls.length
      }
      expect(check("Asia/Ujung_Pandang")).toBe(1)
      expect(check("Asia/Ujung_Pandang")).toBe(0)
      expect(check("Mars/Olympus_Mons")).toBeLessThanOrEqual(4)
      expect(check("Mars/Olympus_Mons")).toBe(0)
      expect(check("Europe/".repeat(100_000))).toBe(0)
      // More than are memoized.
      for (let i = 0; i < 3_000; i++) expect(isValid(`Europe/London${"x".repeat(i % 7)}${i}`)).toBe(false)
      expect(isValid("Asia/Ujung_Pandang")).toBe(true)
    } finally {
      asked.mockRestore()
    }
  })
})

describe("a language", () => {
  const isValid = (tag: string) =>
    issuesOf(UserEdit.setLocale(user, tag)).length === 0 &&
    issuesOf(UserEdit.setPreferredLanguage(user, tag)).length === 0

  it("is valid if it is a tag of BCP 47, with hyphens or underscores", () => {
    const tags = [
      ..."en EN hi fil yue en-GB en_GB en-gb es-419 es_419 zh-Hans zh_Hans_CN zh-Hans-CN sr-Latn_RS ar-u-nu-latn".split(
        " "
      ),
      ..."ca-valencia de-1996 sl-rozaj-biske en-x-private und mul".split(" ")
    ]
    expect(tags.filter((tag) => !isValid(tag))).toEqual([])
  })

  it("is invalid if it is a name, and the message suggests the tag", () => {
    const meant: Record<string, string> = {
      "English": "en",
      "english": "en",
      "ENGLISH ": "en",
      "German": "de",
      "Deutsch": "de",
      "french": "fr",
      "Français": "fr",
      "francais": "fr",
      "Español": "es",
      "Espanol": "es",
      "Thai": "th",
      "Urdu": "ur",
      "Hindi": "hi",
      "हिन्दी": "hi",
      "中文": "zh",
      "Mandarin": "zh",
      "Cantonese": "yue",
      "日本語": "ja",
      "Português": "pt",
      "Portuguese (BR)": "pt-BR",
      "English_US": "en-US",
      "Chinese (Simplified)": "zh",
      "Haitian Creole": "ht",
      "Русский": "ru",
      "en US": "en-US",
      " en ": "en",
      "en_US.UTF-8": "en_US",
      "de_DE@euro": "de-DE"
    }
    for (const [name, tag] of Object.entries(meant)) {
      const message = messageOf(UserEdit.setPreferredLanguage(user, name))
      expect(message?.replaceAll("_", "-")).toBe(
        `must be a language tag such as "en" or "pt-BR": did you mean "${tag.replaceAll("_", "-")}"?`
      )
      expect(isValid(tag)).toBe(true)
      expect(messageOf(UserEdit.setLocale(user, name))).toContain("did you mean")
    }
  })

  it("is invalid if it is anything else", () => {
    const words = [
      "",
      " ",
      "e",
      "Klingonish",
      "englishlanguage",
      "abcde",
      "en-",
      "-en",
      "en--GB",
      "en-GB-",
      "123",
      "e n",
      "*"
    ]
    expect(words.filter(isValid)).toEqual([])
    expect(issuesOfProfile({ $locale: "English" })).toHaveLength(1)
    expect(Either.isLeft(input.locale("call", "Deutsch"))).toBe(true)
  })

  it("is not parsed if it is too long, and parsed once if it is unusual", () => {
    const asked = vi.spyOn(Intl, "getCanonicalLocales")
    try {
      expect(isValid(`en${"-abcde".repeat(40_000)}`)).toBe(false)
      expect(isValid("-".repeat(200_000))).toBe(false)
      expect(asked).not.toHaveBeenCalled()
      for (let i = 0; i < 500; i++) expect(isValid("sl-nedis")).toBe(true)
      expect(asked).toHaveBeenCalledTimes(1)
    } finally {
      asked.mockRestore()
    }
  })
})

describe("half of a surrogate pair", () => {
  const half = FastCheck.tuple(
    FastCheck.constantFrom("", "a", "é", "😀", "x".repeat(100), "é".repeat(100)),
    FastCheck.constantFrom("\ud800", "\udbff", "\udc00", "\udfff", "\udc00\ud800"),
    FastCheck.constantFrom("", "z", "é", "\"", "x".repeat(100))
  ).map((parts) => parts.join(""))

  it.prop("is invalid in keys and in values, at any depth", [half], ([half]) => {
    const places: ReadonlyArray<readonly [edit: UserEdit.UserEdit, path: ReadonlyArray<string | number>]> = [
      [UserEdit.set(user, "name", half), ["$set", "name"]],
      [UserEdit.set(user, half, 1), ["$set", half]],
      [UserEdit.setOnce(user, { a: [{ b: half }] }), ["$set_once", "a", 0, "b"]],
      [UserEdit.set(user, "a", { b: [{ [half]: 1 }] }), ["$set", "a", "b", 0, half]],
      [UserEdit.increment(user, half, 1), ["$add", half]],
      [UserEdit.append(user, "list", half), ["$append", "list"]],
      [UserEdit.remove(user, half, "x"), ["$remove", half]],
      [UserEdit.addEmail(user, `${half}@example.com`), ["$append", "$email"]],
      [UserEdit.addSlack(user, { email: "a@b.c", access_token: half }), ["$append", "$slack", "access_token"]],
      [UserEdit.unset(user, ["a", half]), ["$unset", 1]],
      [UserEdit.appendOperation(user, { [half]: 1 }), [half]],
      [UserEdit.appendOperation(user, { $other: { a: half } }), ["$other", "a"]]
    ]
    const short = (step: string | number) =>
      typeof step === "string" && step.length > 100 ? `${step.slice(0, 100)}…` : step
    for (const [edit, path] of places) {
      expect(pathsOf(edit)).toEqual([path.map(short)])
      expect(messageOf(edit)).toContain("half of a surrogate pair")
    }
    expect(issuesOf(UserEdit.edit("ada", { insertId: half })).map(({ path }) => path)).toEqual([["insertId"]])
    expect(issuesOfProfile({ name: half, [half]: 1, $email: [`${half}@example.com`], a: [{ [half]: 1 }] }))
      .toHaveLength(4)
  })

  it.prop(
    "is not found in well-formed text",
    [FastCheck.string({ unit: "binary", minLength: 1, maxLength: 200 })],
    ([text]) => {
      expect(issuesOf(UserEdit.set(user, { text, more: [{ [`key ${text}`]: text }] }))).toEqual([])
    }
  )
})

describe("advice", () => {
  const advice = (value: unknown) => messageOf(dataFirst(UserEdit.set, user, ["key", value]))

  it("for undefined is to leave it out, or to unset the property", () => {
    const wanted = "is undefined: leave it out, or unset the property"
    expect(advice(undefined)).toBe(wanted)
    expect(messageOf(dataFirst(UserEdit.set, user, [{ a: 1, b: undefined }]))).toBe(wanted)
    expect(messageOf(dataFirst(UserEdit.set, user, ["a", [undefined]]))).toBe(wanted)
    expect(issuesOfProfile({ name: undefined }).map(({ message }) => message)).toEqual([wanted])
  })

  it("tells how to convert values that JSON does not have", () => {
    expect(advice(new Date(0))).toBe(
      "JSON cannot carry an instance of Date: send its toISOString(), or its milliseconds"
    )
    expect(advice(new Map())).toBe("JSON cannot carry an instance of Map: send Object.fromEntries(map)")
    expect(advice(new Set())).toBe("JSON cannot carry an instance of Set: send [...set]")
    expect(advice(1n)).toBe("JSON cannot carry a bigint: convert it to a string or a number")
    expect(advice(NaN)).toBe("JSON has no NaN: send a finite number, or null")
    expect(advice(() => 1)).toBe("JSON cannot carry a function: leave it out")
  })
})

describe("a path", () => {
  const nested = (levels: number, value: unknown): unknown => {
    let inner = value
    for (let i = 0; i < levels; i++) inner = i % 2 === 0 ? [inner] : { inner }
    return inner
  }

  it("is short, however deep the value is", () => {
    for (const levels of [20, 900, 3_000, 50_000]) {
      const [issue] = issuesOf(dataFirst(UserEdit.set, user, ["deep", nested(levels, NaN)]))
      expect(issue?.path.length).toBe(16)
      expect(issue?.path.slice(0, 4)).toEqual(["operations", 0, "$set", "deep"])
      expect(issue?.path[12]).toBe("…")
      expect(issue?.message).toContain(levels > 1_000 ? "nested more than 1000 levels deep" : "JSON has no NaN")
    }
    expect(issuesOf(dataFirst(UserEdit.set, user, ["deep", nested(900, 1)]))).toEqual([])
  })

  it("is short, however long a key is", () => {
    const [issue] = issuesOf(dataFirst(UserEdit.set, user, ["k".repeat(1_000_000), NaN]))
    expect(JSON.stringify(issue?.path).length).toBeLessThan(200)
  })
})
