import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { TagFilter } from "../../../TagFilter.js"
import * as wire from "../protocol/reply.js"
import * as preferences from "../store/preferences.js"
import * as state from "../store/state.js"
import { offsetPage } from "./pagination.js"
import * as tags from "./tagFilter.js"
import { distinctIds } from "./users.js"

type State = state.State
type Step = readonly [wire.Reply, State]

/** The user whose preferences a request is about, and how to show them. */
interface Subject {
  readonly account: state.Account
  /** The tenant id, or "" for no tenant. */
  readonly scope: string
  readonly choices: preferences.Choices
  readonly showOptOutChannels: boolean
}

const ofUser = (
  before: State,
  { query }: wire.Request,
  distinctId: string,
  run: (subject: Subject) => Step
): Step => {
  const account = Option.getOrUndefined(state.account(before, distinctId))
  if (account === undefined) return [wire.userNotFound(distinctId), before]
  const scope = query.get("tenant_id") ?? ""
  if (!isKnown(before, scope)) return [wire.tenantNotFound(scope), before]
  return run({
    account,
    scope,
    choices: account.preferences.get(scope) ?? preferences.none,
    showOptOutChannels: query.get("show_opt_out_channels") === "true"
  })
}

const isKnown = (before: State, scope: string): boolean => scope === "" || HashMap.has(before.tenants, scope)

/** Continues with the categories that match the `tags` parameter. */
const filtered = (
  before: State,
  { query }: wire.Request,
  run: (categories: ReadonlyArray<preferences.Category>) => Step
): Step => {
  const text = query.get("tags") ?? ""
  const filter: Option.Option<TagFilter> = text === "" ? Option.some({ and: [] }) : tags.parse(text)
  return Option.match(filter, {
    onNone: () => [wire.refuse(400, "tags: must be a tag, or a filter of and, or, not and exists"), before],
    onSome: (filter) => run(before.categories.filter((category) => tags.matches(filter, category.tags ?? [])))
  })
}

const show =
  ({ choices, showOptOutChannels }: Pick<Subject, "choices" | "showOptOutChannels">) =>
  (category: preferences.Category): unknown => preferences.categoryJson(category, choices, showOptOutChannels)

const whole = (categories: ReadonlyArray<preferences.Category>, subject: Subject) => ({
  sections: preferences.sectionsJson(categories, show(subject)),
  channel_preferences: preferences.channelsJson(subject.choices)
})

/** Changes the choices of a user, and responds with the result. */
const update = (
  before: State,
  request: wire.Request,
  distinctId: string,
  parse: (body: { readonly [member: string]: unknown }) => preferences.Update | wire.Reply,
  answer: (subject: Subject) => wire.Reply
): Step =>
  ofUser(before, request, distinctId, (subject) => {
    const body = Option.getOrUndefined(wire.bodyOf(request))
    if (body === undefined) return [wire.malformed, before]
    const parsed = parse(body)
    if (wire.isReply(parsed)) return [parsed, before]
    const choices = preferences.apply(subject.choices, parsed)
    return [answer({ ...subject, choices }), withChoices(before, subject.account, subject.scope, choices)]
  })

const withChoices = (before: State, account: state.Account, scope: string, choices: preferences.Choices): State =>
  state.put(before, { ...account, preferences: state.withEntry(account.preferences, scope, choices) })

/** @internal */
export const getAll = (before: State, request: wire.Request, distinctId: string): Step =>
  ofUser(
    before,
    request,
    distinctId,
    (subject) => filtered(before, request, (categories) => [wire.reply(200, whole(categories, subject)), before])
  )

/** @internal */
export const updateAll = (before: State, request: wire.Request, distinctId: string): Step =>
  update(
    before,
    request,
    distinctId,
    (body) => preferences.parseUpdate(body, before.categories),
    (subject) => wire.reply(200, whole(before.categories, subject))
  )

/** @internal */
export const getChannels = (before: State, request: wire.Request, distinctId: string): Step =>
  ofUser(before, request, distinctId, ({ choices }) => [
    wire.reply(200, { channel_preferences: preferences.channelsJson(choices) }),
    before
  ])

/** @internal */
export const updateChannels = (before: State, request: wire.Request, distinctId: string): Step =>
  update(
    before,
    request,
    distinctId,
    ({ channel_preferences }) => preferences.parseUpdate({ channel_preferences }, before.categories),
    ({ choices }) => wire.reply(202, { channel_preferences: preferences.channelsJson(choices) })
  )

/** @internal */
export const listCategories = (before: State, request: wire.Request, distinctId: string): Step =>
  ofUser(
    before,
    request,
    distinctId,
    (subject) => filtered(before, request, (categories) => [offsetPage(categories.map(show(subject)), request), before])
  )

const find = (before: State, slug: string): preferences.Category | undefined =>
  before.categories.find((category) => category.slug === slug)

/** @internal */
export const getCategory = (before: State, request: wire.Request, distinctId: string, slug: string): Step =>
  ofUser(before, request, distinctId, (subject) => {
    const category = find(before, slug)
    return [
      category === undefined ? preferences.categoryNotFound(slug) : wire.reply(200, show(subject)(category)),
      before
    ]
  })

/** @internal */
export const updateCategory = (before: State, request: wire.Request, distinctId: string, slug: string): Step => {
  const category = find(before, slug)
  return category === undefined
    ? ofUser(before, request, distinctId, () => [preferences.categoryNotFound(slug), before])
    : update(
      before,
      request,
      distinctId,
      (body) => preferences.parseCategoryUpdate(body, category),
      (subject) => wire.reply(202, show(subject)(category))
    )
}

/** Changes the choices of those users that exist. */
const bulk = (
  before: State,
  request: wire.Request,
  parse: (
    body: { readonly [member: string]: unknown }
  ) => ((choices: preferences.Choices) => preferences.Choices) | wire.Reply
): Step => {
  const ids = distinctIds(request)
  if (wire.isReply(ids)) return [ids, before]
  const scope = request.query.get("tenant_id") ?? ""
  if (!isKnown(before, scope)) return [wire.tenantNotFound(scope), before]
  const step = parse(Option.getOrElse(wire.bodyOf(request), () => ({})))
  if (wire.isReply(step)) return [step, before]
  const after = ids.reduce((world, id) =>
    Option.match(state.account(world, id), {
      onNone: () => world,
      onSome: (account) => withChoices(world, account, scope, step(account.preferences.get(scope) ?? preferences.none))
    }), before)
  return [wire.reply(202, { success: true }), after]
}

/** @internal */
export const bulkUpdate = (before: State, request: wire.Request): Step =>
  bulk(before, request, (body) => {
    const parsed = preferences.parseUpdate(body, before.categories)
    return wire.isReply(parsed) ? parsed : (choices) => preferences.apply(choices, parsed)
  })

/** @internal */
export const bulkReset = (before: State, request: wire.Request): Step =>
  bulk(before, request, (body) => (choices) => ({
    channels: body.reset_channel_preferences === true ? preferences.none.channels : choices.channels,
    categories: body.reset_categories === true ? preferences.none.categories : choices.categories
  }))
