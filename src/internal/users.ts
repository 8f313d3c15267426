import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Bulk from "../Bulk.js"
import { InsertId } from "../InsertId.js"
import * as Operation from "../Operation.js"
import * as Page from "../Page.js"
import * as Subscription from "../Subscription.js"
import type { SuprsendClient } from "../SuprsendClient.js"
import { type RequestError, SuprsendUnexpectedResponse, SuprsendUserNotFound } from "../SuprsendError.js"
import * as User from "../User.js"
import type { UserEdit } from "../UserEdit.js"
import type { UsersService } from "../UsersService.js"
import { parseJson } from "./answer.js"
import * as bulk from "./bulk.js"
import { byteLength } from "./bytes.js"
import * as event from "./event.js"
import { tokens } from "./mask.js"
import { type Decode, issue } from "./model.js"
import * as validate from "./validate.js"

/** @internal */
export const make = (client: SuprsendClient.Service): UsersService.Service => {
  const bulkEditStream: UsersService.Service["bulkEditStream"] = (edits, options) =>
    bulk.run(client, toStream(edits), Math.max(1, Math.floor(options?.concurrency ?? client.concurrency)))

  const list = (options?: Page.Options) =>
    client.execute({
      call: "UsersService.list",
      method: "GET",
      template: "/v1/user/",
      query: pageQuery(options)
    }).pipe(read("UsersService.list", Page.decode(["results"], User.decode)))

  const subscriptions = <A>(call: string, kind: "object" | "list", decode: Decode<Page.Page<A>>) => {
    const page = (distinctId: string, options?: Page.Options) =>
      ofUser(call, distinctId, (distinct_id) =>
        client.execute({
          call,
          method: "GET",
          template: `/v1/user/{distinct_id}/subscribed_to/${kind}/`,
          params: { distinct_id },
          query: pageQuery(options)
        })).pipe(read(call, decode))
    const stream = (distinctId: string, options?: Page.Options) =>
      Page.stream((options) => page(distinctId, options), options)
    return { page, stream }
  }

  const objects = subscriptions(
    "UsersService.getObjectsSubscribedTo",
    "object",
    Page.decode(["results", "objects"], Subscription.decodeObject)
  )
  const lists = subscriptions(
    "UsersService.getListsSubscribedTo",
    "list",
    Page.decode(["results", "lists"], Subscription.decodeList)
  )

  return {
    asyncEdit: (edit) => asyncEdit(client, edit),
    edit: (edit) => editNow(client, edit),
    bulkEdit: (edits, options) =>
      Effect.suspend(() => {
        const tally = new Bulk.Tally()
        return bulkEditStream(edits, options).pipe(
          Stream.runForEach((outcome) => Effect.sync(() => tally.add(outcome))),
          Effect.map(() => tally.report())
        )
      }),
    bulkEditStream,
    get: (distinctId) =>
      ofUser("UsersService.get", distinctId, (distinct_id) =>
        client.execute({
          call: "UsersService.get",
          method: "GET",
          template: "/v1/user/{distinct_id}/",
          params: { distinct_id }
        })).pipe(read("UsersService.get", User.decode)),
    delete: (distinctId) =>
      ofUser("UsersService.delete", distinctId, (distinct_id) =>
        client.execute({
          call: "UsersService.delete",
          method: "DELETE",
          template: "/v1/user/{distinct_id}/",
          params: { distinct_id },
          discard: true
        })).pipe(Effect.asVoid),
    list,
    listStream: (options) => Page.stream(list, options),
    getObjectsSubscribedTo: objects.page,
    objectsSubscribedToStream: objects.stream,
    getListsSubscribedTo: lists.page,
    listsSubscribedToStream: lists.stream
  }
}

const toStream = <E, R>(
  edits: Iterable<UserEdit> | Stream.Stream<UserEdit, E, R>
): Stream.Stream<UserEdit, E, R> => Stream.StreamTypeId in edits ? edits : Stream.fromIterable(edits)

const asyncEdit = (client: SuprsendClient.Service, edit: UserEdit) => {
  const call = "UsersService.asyncEdit"
  return Effect.gen(function*() {
    const issues = validate.issues(edit)
    if (issues.length > 0) return yield* validate.invalid(call, edit, issues)
    const insertId = edit.insertId ?? (yield* Effect.flatten(InsertId))
    const body = event.encode(edit, insertId, yield* Clock.currentTimeMillis, client)
    const bytes = byteLength(body)
    if (bytes > validate.maximumEditBytes) return yield* validate.invalid(call, edit, [validate.sizeIssue(bytes)])
    const response = yield* client.execute({
      call,
      method: "POST",
      template: "/event/",
      body,
      discard: true,
      insertId,
      secrets: () => tokens(edit.operations)
    })
    return { insertId, statusCode: response.status, message: response.body }
  })
}

const editNow = (client: SuprsendClient.Service, edit: UserEdit) => {
  const call = "UsersService.edit"
  return Effect.gen(function*() {
    const issues = validate.issues(edit)
    if (issues.length > 0) return yield* validate.invalid(call, edit, issues)
    const { distinctId: distinct_id, tenantId: tenant_id } = edit
    return yield* client.execute({
      call,
      method: "PATCH",
      template: tenant_id === undefined ? "/v1/user/{distinct_id}/" : "/v1/user/{distinct_id}/tenant/{tenant_id}/",
      params: tenant_id === undefined ? { distinct_id } : { distinct_id, tenant_id },
      body: JSON.stringify({ operations: edit.operations }),
      repeatable: edit.operations.every(isIdempotent),
      secrets: () => tokens(edit.operations)
    }).pipe(notFound(call, distinct_id), read(call, User.decode))
  })
}

// Applied twice in a row, these leave what they leave when applied once. Whether `$append` does is not documented.
const isIdempotent = Operation.match({
  onSet: () => true,
  onSetOnce: () => true,
  onIncrement: () => false,
  onAppend: () => false,
  onRemove: () => true,
  onUnset: () => true,
  onOther: () => false
})

const pageQuery = (options: Page.Options | undefined) => ({
  limit: options?.limit,
  before: options?.before,
  after: options?.after
})

const ofUser = <A>(call: string, distinctId: string, execute: (id: string) => Effect.Effect<A, RequestError>) =>
  Effect.flatMap(validate.distinctId(call, distinctId), (id) => notFound(call, id)(execute(id)))

const notFound = (call: string, distinctId: string) => <A>(effect: Effect.Effect<A, RequestError>) =>
  Effect.catchTag(effect, "SuprsendRejected", (error) =>
    Effect.fail(
      error.status === 404
        ? new SuprsendUserNotFound({ call, distinctId, attempts: error.attempts, serverMessage: error.serverMessage })
        : error
    ))

const read = <A>(call: string, decode: Decode<A>) => <E, R>(effect: Effect.Effect<SuprsendClient.Response, E, R>) =>
  Effect.flatMap(effect, ({ attempts, body, status }): Either.Either<A, SuprsendUnexpectedResponse> => {
    const json = parseJson(body)
    const decoded = Option.isSome(json) ? decode(json.value) : Either.left(issue([], "it must be JSON"))
    return Either.mapLeft(
      decoded,
      (issue) => new SuprsendUnexpectedResponse({ call, status, attempts, issues: [issue] })
    )
  })
