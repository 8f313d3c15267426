/**
 * Pages of a list, and streams over all pages.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as model from "./internal/model/model.js"
import type { Issue } from "./SuprsendError.js"

/**
 * Options that select a page. Without cursors it is the first page.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The maximum number of items.
   *
   * The vendor documents neither a default nor a maximum; its examples show 10.
   */
  readonly limit?: number | undefined
  /** The cursor for the following page, from `Page.after`. */
  readonly after?: string | undefined
  /** The cursor for the preceding page, from `Page.before`. */
  readonly before?: string | undefined
}

/**
 * A page of a list with cursors.
 *
 * It reads both documented shapes of the response: `{ meta, results }` and
 * `{ objects | lists, paging }`.
 *
 * @since 0.1.0
 * @category models
 */
export class Page<A> extends model.Model {
  constructor(
    readonly items: ReadonlyArray<A>,
    raw: { readonly [key: string]: unknown }
  ) {
    super(raw)
  }

  /**
   * Whether there is a following page.
   *
   * Do not check `after` instead: some responses have a cursor on the last page too.
   */
  get hasMore(): boolean {
    return this.paging.has_next === true || this.paging.has_more === true
  }

  /** The cursor for the following page. */
  get after(): string | undefined {
    return model.text(this.paging.after)
  }

  /** The cursor for the preceding page. */
  get before(): string | undefined {
    return model.text(this.paging.before)
  }

  /** The number of items on all pages, if the server returns it. */
  get total(): number | undefined {
    return model.number(this.paging.count)
  }

  private get paging(): { readonly [key: string]: unknown } {
    return model.record(this.raw.meta ?? this.raw.paging)
  }
}

/**
 * Options that select a page by offset.
 *
 * @since 0.1.0
 * @category models
 */
export interface OffsetOptions {
  /** The maximum number of items. */
  readonly limit?: number | undefined
  /** The number of items to skip. */
  readonly offset?: number | undefined
}

/**
 * A page of a list with offsets.
 *
 * The response is `{ meta: { count, limit, offset }, results }`.
 *
 * @since 0.1.0
 * @category models
 */
export class OffsetPage<A> extends model.Model {
  constructor(
    readonly items: ReadonlyArray<A>,
    raw: { readonly [key: string]: unknown }
  ) {
    super(raw)
  }

  /** The number of items on all pages, if the server returns it. */
  get total(): number | undefined {
    return model.number(model.record(this.raw.meta).count)
  }

  /** The number of items before this page. */
  get offset(): number {
    return model.number(model.record(this.raw.meta).offset) ?? 0
  }

  /** Whether there is a following page. */
  get hasMore(): boolean {
    return this.total !== undefined && this.offset + this.items.length < this.total
  }
}

/**
 * Decodes a page of a list with offsets.
 *
 * @internal
 */
export const decodeOffset = <A>(item: model.Decode<A>): model.Decode<OffsetPage<A>> => (u) =>
  Either.map(decode(["results"], item)(u), (page) => new OffsetPage(page.items, page.raw))

/**
 * Decodes a page whose items are under one of several keys.
 *
 * @internal
 */
export const decode = <A>(keys: ReadonlyArray<string>, item: model.Decode<A>): model.Decode<Page<A>> => (u) =>
  Either.flatMap(model.asRaw(u), (raw): Either.Either<Page<A>, Issue> => {
    const key = keys.find((key) => Array.isArray(raw[key]))
    const items = key === undefined ? undefined : raw[key]
    return key !== undefined && Array.isArray(items)
      ? Either.map(model.all(items, [key], item), (items) => new Page(items, raw))
      : Either.left(model.issue([keys[0] ?? ""], "must be a list"))
  })

/**
 * Streams pages, starting at a cursor. Each page is fetched on demand.
 *
 * Use it if you store the cursor to resume later. The stream ends if the server says that there are
 * no more pages. It also ends if the server repeats a cursor, because it would never end otherwise.
 *
 * @example
 * ```ts
 * import { Effect, Ref, Stream } from "effect"
 * import * as Page from "effect-suprsend/Page"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * // Visits all users, and stores the cursor to resume from after a crash.
 * const walk = (cursor: Ref.Ref<string | undefined>) =>
 *   Effect.gen(function*() {
 *     const users = yield* UsersService
 *     const after = yield* Ref.get(cursor)
 *     yield* Page.pages((options) => users.list(options), { after, limit: 100 }).pipe(
 *       Stream.runForEach((page) =>
 *         Effect.log(`${page.items.length} users`).pipe(Effect.zipRight(Ref.set(cursor, page.after)))
 *       )
 *     )
 *   })
 * ```
 *
 * @since 0.1.0
 * @category streaming
 */
export const pages = <A, E, R>(
  fetch: (options: Options) => Effect.Effect<Page<A>, E, R>,
  options: Options = {}
): Stream.Stream<Page<A>, E, R> =>
  Stream.suspend(() => {
    const seen = new Set([options.after])
    const next = (page: Page<A>): Option.Option<Options> => {
      if (!page.hasMore || page.after === undefined || seen.has(page.after)) return Option.none()
      seen.add(page.after)
      return Option.some({ ...options, before: undefined, after: page.after })
    }
    return Stream.paginateEffect(options, (options) => Effect.map(fetch(options), (page) => [page, next(page)]))
  })

/**
 * Streams the items of all {@link pages}.
 *
 * @example
 * ```ts
 * import { Effect, Stream } from "effect"
 * import * as Page from "effect-suprsend/Page"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const fromCursor = (after: string) =>
 *   Stream.unwrap(Effect.map(UsersService, (users) => Page.stream((options) => users.list(options), { after, limit: 100 })))
 * ```
 *
 * @since 0.1.0
 * @category streaming
 */
export const stream = <A, E, R>(
  fetch: (options: Options) => Effect.Effect<Page<A>, E, R>,
  options: Options = {}
): Stream.Stream<A, E, R> => Stream.mapConcatChunk(pages(fetch, options), (page) => Chunk.fromIterable(page.items))

/**
 * Streams the items of a list with offsets. Pages are fetched on demand.
 *
 * The stream ends if the server says that there are no more items, returns an empty page, or
 * returns a page before the requested offset.
 *
 * @example
 * ```ts
 * import { Effect, Stream } from "effect"
 * import * as Page from "effect-suprsend/Page"
 * import { PreferencesService } from "effect-suprsend/PreferencesService"
 *
 * const categories = Stream.unwrap(
 *   Effect.map(PreferencesService, (preferences) =>
 *     Page.streamOffset((options) => preferences.listCategories("user-42", options), { limit: 50 }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category streaming
 */
export const streamOffset = <A, E, R>(
  fetch: (options: OffsetOptions) => Effect.Effect<OffsetPage<A>, E, R>,
  options: OffsetOptions = {}
): Stream.Stream<A, E, R> =>
  Stream.paginateChunkEffect(options.offset ?? 0, (offset) =>
    Effect.map(fetch({ ...options, offset }), (page) => [
      Chunk.fromIterable(page.items),
      goesOn(page, offset) ? Option.some(offset + page.items.length) : Option.none()
    ]))

// Compares with the requested offset: otherwise a server that repeats a page would be asked
// forever.
const goesOn = (page: OffsetPage<unknown>, asked: number): boolean =>
  page.total !== undefined && page.items.length > 0 && asked + page.items.length < page.total &&
  (model.number(model.record(page.raw.meta).offset) ?? asked) >= asked
