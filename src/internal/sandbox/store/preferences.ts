import { isPlainRecord } from "../../support/json.js"
import { invalidField, refuse, refuseMembers, type Reply } from "../protocol/reply.js"

/**
 * A preference category of the workspace.
 *
 * @internal
 */
export interface Category {
  readonly slug: string
  readonly name: string
  readonly section: string | undefined
  readonly description: string | undefined
  readonly original: "opt_in" | "opt_out" | "cant_unsubscribe" | null
  readonly channels: ReadonlyArray<string>
  /** The tags, or undefined if responses omit them. */
  readonly tags: ReadonlyArray<string> | undefined
}

/**
 * The explicit choices of a user.
 *
 * @internal
 */
export interface Choices {
  /** Whether a channel is restricted, by channel. */
  readonly channels: ReadonlyMap<string, boolean>
  /** The choice for a category, by slug. */
  readonly categories: ReadonlyMap<string, Choice>
}

interface Choice {
  readonly preference: "opt_in" | "opt_out"
  /** The channels that are opted out of. Empty for `opt_out`. */
  readonly optedOut: ReadonlySet<string>
}

/** @internal */
export const none: Choices = { channels: new Map(), categories: new Map() }

/**
 * The preference channels, in the order of the vendor's documentation.
 *
 * @internal
 */
export const channels: ReadonlyArray<string> = [
  "sms",
  "email",
  "androidpush",
  "iospush",
  "webpush",
  "inbox",
  "whatsapp",
  "slack",
  "ms_teams"
]

const oneOf = (values: ReadonlyArray<string>): string =>
  `must be one of [${values.map((value) => `"${value}"`).join(", ")}]`

const choiceOf = (category: Category, choices: Choices): Choice =>
  choices.categories.get(category.slug) ??
    { preference: category.original === "opt_out" ? "opt_out" : "opt_in", optedOut: new Set() }

/** @internal */
export const categoryJson = (category: Category, choices: Choices, showOptOutChannels: boolean): unknown => {
  const { optedOut, preference } = choiceOf(category, choices)
  const isEditable = category.original !== "cant_unsubscribe"
  return {
    name: category.name,
    category: category.slug,
    description: category.description ?? null,
    original_preference: category.original,
    preference,
    is_editable: isEditable,
    channels: preference === "opt_out" && !showOptOutChannels ? [] : category.channels.map((channel) => ({
      channel,
      preference: preference === "opt_out" || optedOut.has(channel) ? "opt_out" : "opt_in",
      is_editable: isEditable
    })),
    tags: category.tags,
    effective_tags: category.tags
  }
}

/** @internal */
export const channelsJson = (choices: Choices): unknown =>
  channels.map((channel) => ({ channel, is_restricted: choices.channels.get(channel) ?? false }))

/**
 * Groups categories into sections, in the order of first appearance.
 *
 * @internal
 */
export const sectionsJson = (
  categories: ReadonlyArray<Category>,
  toJson: (category: Category) => unknown
): ReadonlyArray<unknown> =>
  [...new Set(categories.map(({ section }) => section))].map((section) => ({
    name: section ?? null,
    slug: section?.toLowerCase().replace(/\W+/g, "-") ?? null,
    description: null,
    tags: null,
    subcategories: categories.filter((category) => category.section === section).map(toJson)
  }))

/**
 * A valid change of choices.
 *
 * @internal
 */
export interface Update {
  readonly channels: ReadonlyArray<readonly [channel: string, isRestricted: boolean]>
  readonly categories: ReadonlyArray<CategoryUpdate>
}

interface CategoryUpdate {
  readonly category: Category
  readonly preference: "opt_in" | "opt_out"
  readonly optOut: ReadonlyArray<string>
  readonly optIn: ReadonlyArray<string>
}

/** @internal */
export const apply = (choices: Choices, update: Update): Choices => ({
  channels: new Map([...choices.channels, ...update.channels]),
  categories: update.categories.reduce<Choices["categories"]>(
    (chosen, { category, optIn, optOut, preference }) => {
      const before = choiceOf(category, { ...choices, categories: chosen })
      const base = before.preference === "opt_in"
        ? before.optedOut
        : new Set(optIn.length === 0 ? [] : category.channels)
      const optedOut = new Set([...base, ...optOut].filter((channel) => !optIn.includes(channel)))
      return new Map([
        ...chosen,
        [category.slug, { preference, optedOut: preference === "opt_in" ? optedOut : new Set<string>() }]
      ])
    },
    choices.categories
  )
})

/**
 * Validates the body of a change. If one part is invalid, all of it is refused.
 *
 * @internal
 */
export const parseUpdate = (
  body: { readonly [member: string]: unknown },
  categories: ReadonlyArray<Category>
): Update | Reply => {
  const { categories: categoryItems = [], channel_preferences: channelItems = [] } = body
  if (!isRecords(channelItems)) return invalidField("channel_preferences")
  if (!isRecords(categoryItems)) return invalidField("categories")
  const detail: Record<string, string> = {}
  channelItems.forEach((item, i) => {
    if (!isChannel(item.channel)) detail[`channel_preferences[${i}].channel`] = oneOf(channels)
    if (typeof item.is_restricted !== "boolean" && item.is_restricted !== undefined) {
      detail[`channel_preferences[${i}].is_restricted`] = "must be a boolean"
    }
  })
  categoryItems.forEach((item, i) => {
    if (typeof item.category !== "string") detail[`categories[${i}].category`] = "is a required field"
    Object.assign(detail, categoryProblems(item, `categories[${i}].`))
  })
  if (Object.keys(detail).length > 0) return refuseMembers(detail)
  const updates: Array<CategoryUpdate> = []
  for (const item of categoryItems) {
    const category = categories.find(({ slug }) => slug === item.category)
    if (category === undefined) return categoryNotFound(String(item.category))
    if (category.original === "cant_unsubscribe") return notEditable(category)
    updates.push(categoryUpdate(category, item))
  }
  return {
    channels: channelItems.map((item) => [String(item.channel), item.is_restricted === true]),
    categories: updates
  }
}

/**
 * Validates the body of a change of one category.
 *
 * @internal
 */
export const parseCategoryUpdate = (
  body: { readonly [member: string]: unknown },
  category: Category
): Update | Reply => {
  const detail = categoryProblems(body, "")
  if (Object.keys(detail).length > 0) return refuseMembers(detail)
  return category.original === "cant_unsubscribe"
    ? notEditable(category)
    : { channels: [], categories: [categoryUpdate(category, body)] }
}

/** @internal */
export const categoryNotFound = (slug: string): Reply => refuse(404, `category '${slug}' not found`)

const notEditable = (category: Category): Reply => refuse(400, `category '${category.slug}' is not editable`)

type Item = { readonly [member: string]: unknown }

const isRecords = (u: unknown): u is ReadonlyArray<Item> => Array.isArray(u) && u.every(isPlainRecord)

const isChannel = (u: unknown): u is string => typeof u === "string" && channels.includes(u)

const categoryProblems = (item: Item, path: string): Record<string, string> => {
  const detail: Record<string, string> = {}
  if (item.preference !== undefined && item.preference !== "opt_in" && item.preference !== "opt_out") {
    detail[`${path}preference`] = oneOf(["opt_in", "opt_out"])
  }
  for (const member of ["opt_out_channels", "opt_in_channels"]) {
    const list = item[member] ?? []
    if (!Array.isArray(list)) {
      detail[path + member] = "must be a list of channels"
    } else {
      list.forEach((channel, i) => {
        if (!isChannel(channel)) detail[`${path}${member}[${i}]`] = oneOf(channels)
      })
    }
  }
  return detail
}

const categoryUpdate = (category: Category, item: Item): CategoryUpdate => ({
  category,
  // The default in the vendor's documentation.
  preference: item.preference === "opt_out" ? "opt_out" : "opt_in",
  optOut: channelList(item.opt_out_channels),
  optIn: channelList(item.opt_in_channels)
})

const channelList = (u: unknown): ReadonlyArray<string> => Array.isArray(u) ? u.filter(isChannel) : []
