import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import * as AssociatedTenant from "../../AssociatedTenant.js"
import type * as Bulk from "../../Bulk.js"
import { InsertId } from "../../InsertId.js"
import * as Operation from "../../Operation.js"
import * as Page from "../../Page.js"
import * as Subscription from "../../Subscription.js"
import type { SuprsendClient } from "../../SuprsendClient.js"
import type { RequestError } from "../../SuprsendError.js"
import * as User from "../../User.js"
import type { UserEdit } from "../../UserEdit.js"
import type { UserProfile, UserProfileOf } from "../../UserProfile.js"
import type { UsersService } from "../../UsersService.js"
import * as byId from "../bulk/byId.js"
import * as bulk from "../bulk/run.js"
import * as calls from "../client/call.js"
import * as redact from "../client/redact.js"
import { eventAccepted, isGone, isUserNotFound, notFound, ofUser, read } from "../client/response.js"
import { idsOf } from "../edit/ids.js"
import * as input from "../edit/input.js"
import { isUserEdit, own } from "../edit/userEdit.js"
import * as validate from "../edit/validate.js"
import { Encoder } from "../event/encoder.js"
import type { Decode } from "../model/model.js"
import { member } from "../support/json.js"
import { tokens } from "../support/mask.js"

/** @internal */
export const make = (client: SuprsendClient.Service): UsersService.Service => {
  const list = (options?: UsersService.ListOptions) => {
    const call = "UsersService.list"
    const tenantId = options?.tenantId
    return calls.run(client, call, (span) =>
      Effect.flatMap(
        tenantId === undefined ? Effect.succeed(undefined) : input.tenantId(call, tenantId),
        (tenant_id) => {
          const query = { tenant_id, ...pageQuery(options) }
          return client.execute({ call, span, method: "GET", template: "/v1/user/", query })
        }
      ).pipe(read(call, Page.decode(["results"], User.decode))))
  }

  const pagesOfUser = <A>(call: string, path: string, decode: Decode<Page.Page<A>>) => {
    const page = (distinctId: string, options?: Page.Options) =>
      calls.run(client, call, (span) =>
        ofUser(call, distinctId, (distinct_id) =>
          client.execute({
            call,
            span,
            method: "GET",
            template: `/v1/user/{distinct_id}/${path}/`,
            params: { distinct_id },
            query: pageQuery(options)
          })).pipe(read(call, decode)))
    const stream = (distinctId: string, options?: Page.Options) =>
      Page.stream((options) => page(distinctId, options), options)
    return { page, stream }
  }

  const objects = pagesOfUser(
    "UsersService.getObjectsSubscribedTo",
    "subscribed_to/object",
    Page.decode(["results", "objects"], Subscription.decodeObject)
  )
  const lists = pagesOfUser(
    "UsersService.getListsSubscribedTo",
    "subscribed_to/list",
    Page.decode(["results", "lists"], Subscription.decodeList)
  )
  const tenants = pagesOfUser(
    "UsersService.listAssociatedTenants",
    "associated_tenant",
    Page.decode(["results", "tenants"], AssociatedTenant.decode)
  )

  const profiles = pagesOfUser("UsersService.listTenantProfiles", "tenant", Page.decode(["results"], User.decode))

  function bulkEdit<S>(
    edits: Bulk.SourceOf<S>,
    options?: Bulk.EditOptions
  ): Effect.Effect<Bulk.BulkReport, Bulk.SourceError<S>, Bulk.SourceContext<S>>
  function bulkEdit<E, R>(edits: Bulk.Source<E, R>, options?: Bulk.EditOptions) {
    return bulk.report(client, edits, options)
  }

  function bulkEditStream<S>(
    edits: Bulk.SourceOf<S>,
    options?: Bulk.StreamOptions
  ): Stream.Stream<Bulk.BulkOutcome, Bulk.SourceError<S>, Bulk.SourceContext<S>>
  function bulkEditStream<E, R>(edits: Bulk.Source<E, R>, options?: Bulk.StreamOptions) {
    return bulk.stream(client, edits, options)
  }

  return {
    workspace: client.workspace,
    asyncEdit: asyncEdit(client),
    edit: (edit) => editNow(client, edit),
    bulkEdit,
    bulkEditStream,
    get: (distinctId) => {
      const call = "UsersService.get"
      return calls.run(client, call, (span) =>
        ofUser(call, distinctId, (distinct_id) =>
          client.execute({
            call,
            span,
            method: "GET",
            template: "/v1/user/{distinct_id}/",
            params: { distinct_id }
          })).pipe(read(call, User.decode)))
    },
    upsert: (distinctId, profile) => upsert(client, distinctId, profile),
    merge: (distinctId, fromDistinctId) => merge(client, distinctId, fromDistinctId),
    delete: (distinctId) => {
      const call = "UsersService.delete"
      return calls.run(client, call, (span) =>
        ofUser(
          call,
          distinctId,
          (distinct_id) =>
            client.execute({
              call,
              span,
              method: "DELETE",
              template: "/v1/user/{distinct_id}/",
              params: { distinct_id },
              ignoreBody: true,
              expected: { status: 204 }
            }).pipe(goneAfterRepeating)
        ))
    },
    bulkDelete: (distinctIds, options) =>
      byId.run(client, "UsersService.bulkDelete", distinctIds, (distinct_ids) => ({
        method: "DELETE",
        template: "/v1/bulk/user/",
        body: JSON.stringify({ distinct_ids }),
        ignoreBody: true
      }), { ...options, goneIsDone: true }),
    list,
    listStream: (options) => Page.stream(list, options),
    getObjectsSubscribedTo: objects.page,
    getObjectsSubscribedToStream: objects.stream,
    getListsSubscribedTo: lists.page,
    getListsSubscribedToStream: lists.stream,
    listAssociatedTenants: tenants.page,
    listAssociatedTenantsStream: tenants.stream,
    listTenantProfiles: profiles.page,
    listTenantProfilesStream: profiles.stream,
    getForTenant: (distinctId, tenantId) => {
      const call = "UsersService.getForTenant"
      return calls.run(client, call, (span) =>
        ofTenant(
          call,
          distinctId,
          tenantId,
          (params) => client.execute({ call, span, method: "GET", template: tenantPath, params })
        ).pipe(read(call, User.decode)))
    },
    upsertForTenant: (distinctId, tenantId, profile) => {
      const call = "UsersService.upsertForTenant"
      return calls.run(client, call, (span) =>
        Effect.flatMap(
          input.profile(call, profile),
          (profile) =>
            ofTenant(call, distinctId, tenantId, (params) =>
              client.execute({ call, span, method: "POST", template: tenantPath, params, ...profileBody(profile) }))
        ).pipe(read(call, User.decode)))
    },
    unlinkTenant: (distinctId, tenantId) => {
      const call = "UsersService.unlinkTenant"
      return calls.run(client, call, (span) =>
        ofTenant(call, distinctId, tenantId, (params) =>
          goneAfterRepeating(
            client.execute({ call, span, method: "DELETE", template: tenantPath, params, ignoreBody: true })
          )))
    }
  }
}

const asyncEdit = (client: SuprsendClient.Service): UsersService.Service["asyncEdit"] => {
  const call = "UsersService.asyncEdit"
  const encoder = new Encoder(client, 0)
  const send = (edit: UserEdit, insertId: string, time: number, span: Tracer.Span): Sending => {
    // Runs synchronously, so that concurrent calls can share the buffer of the encoder.
    encoder.rewind(0)
    const issues = encoder.event(edit, insertId, time)
    if (issues.length > 0) return validate.invalid(call, edit, issues)
    const body = encoder.copy(0, encoder.position)
    const secrets = () => tokens(edit.operations)
    const request = {
      call,
      span,
      method: "POST",
      template: "/event/",
      body,
      ignoreBody: true,
      insertId,
      secrets,
      ids: () => idsOf(edit),
      expected: eventAccepted
    } as const
    return Effect.map(client.execute(request), ({ body, status }): UsersService.Accepted => ({
      insertId,
      status: status,
      message: redact.make(secrets)(body)
    }))
  }
  return (unread) =>
    calls.run(client, call, (span, fiber): Sending => {
      if (!isUserEdit(unread)) return validate.invalid(call, unread, validate.issues(unread))
      // A value that looks like an edit is read once, so that what is validated is what is sent.
      const edit = own(unread)
      const time = Context.get(fiber.currentDefaultServices, Clock.Clock).unsafeCurrentTimeMillis()
      const given = member(edit, "insertId")
      if (given !== undefined) return send(edit, given, time, span)
      const source = Context.get(fiber.currentContext, InsertId)
      return Effect.flatMap(source, (insertId) => send(edit, insertId, time, span))
    })
}

type Sending = ReturnType<UsersService.Service["asyncEdit"]>

const editNow = (client: SuprsendClient.Service, edit: UserEdit) => {
  const call = "UsersService.edit"
  return calls.run(client, call, (span) =>
    Effect.gen(function*() {
      const checked = yield* Either.mapLeft(validate.checked(edit), (issues) => validate.invalid(call, edit, issues))
      const { distinctId: distinct_id, operations, tenantId: tenant_id } = checked
      return yield* client.execute({
        call,
        span,
        method: "PATCH",
        template: tenant_id === undefined ? "/v1/user/{distinct_id}/" : "/v1/user/{distinct_id}/tenant/{tenant_id}/",
        params: tenant_id === undefined ? { distinct_id } : { distinct_id, tenant_id },
        body: JSON.stringify({ operations }),
        idempotent: operations.every(isIdempotent),
        secrets: () => tokens(operations)
      }).pipe(notFound(call, distinct_id), read(call, User.decode))
    }))
}

const upsert = <A>(
  client: SuprsendClient.Service,
  distinctId: string,
  profile: UserProfile | (A & UserProfileOf<A>)
) => {
  const call = "UsersService.upsert"
  return calls.run(client, call, (span) =>
    Effect.gen(function*() {
      const distinct_id = yield* validate.distinctId(call, distinctId)
      const checked = yield* input.profile(call, profile)
      return yield* client.execute({
        call,
        span,
        method: "POST",
        template: "/v1/user/{distinct_id}/",
        params: { distinct_id },
        ...profileBody(checked)
      }).pipe(read(call, User.decode))
    }))
}

const merge = (client: SuprsendClient.Service, distinctId: string, fromDistinctId: string) => {
  const call = "UsersService.merge"
  return calls.run(client, call, (span) =>
    Effect.gen(function*() {
      const distinct_id = yield* validate.distinctId(call, distinctId)
      const from = yield* validate.distinctId(call, fromDistinctId)
      return yield* client.execute({
        call,
        span,
        method: "POST",
        template: "/v1/user/{distinct_id}/merge/",
        params: { distinct_id },
        body: JSON.stringify({ from_user_id: from }),
        idempotent: false,
        ids: () => [from]
      }).pipe(
        // SuprSend's message says which of the two is missing.
        notFound(call, from, (error) => isUserNotFound(error) && /^\W*from_user_id/.test(error.serverMessage ?? "")),
        Effect.catchTag("SuprsendRejected", (error) => notFound(call, distinct_id)(Effect.fail(error))),
        read(call, User.decode)
      )
    }))
}

const tenantPath = "/v1/user/{distinct_id}/tenant/{tenant_id}/"

const ofTenant = <A>(
  call: string,
  distinctId: string,
  tenantId: string,
  execute: (params: { readonly distinct_id: string; readonly tenant_id: string }) => Effect.Effect<A, RequestError>
) =>
  Effect.gen(function*() {
    const distinct_id = yield* validate.distinctId(call, distinctId)
    const tenant_id = yield* input.tenantId(call, tenantId)
    return yield* notFound(call, distinct_id)(execute({ distinct_id, tenant_id }))
  })

const profileBody = (profile: UserProfile) => ({ body: JSON.stringify(profile), secrets: () => tokens(profile) })

// If an earlier attempt had no response, a 404 means that it was applied.
const goneAfterRepeating = <A>(effect: Effect.Effect<A, RequestError>): Effect.Effect<void, RequestError> =>
  Effect.catchIf(
    Effect.asVoid(effect),
    (error) => error._tag === "SuprsendRejected" && error.applied === "unknown" && isGone(error),
    () => Effect.void
  )

// Applying these twice has the same effect as applying them once. For `$append` that is not
// documented.
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
