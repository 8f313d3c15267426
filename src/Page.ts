/**
 * One page of a list that the server hands out piece by piece, and the stream over all of them.
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
 * Which page to get. Without cursors it is the first one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How many items at the most. The vendor documents neither a default nor a maximum; its examples show 10. */
  readonly limit?: number | undefined
  /** The cursor of the page that follows, from `Page.after`. */
  readonly after?: string | undefined
  /** The cursor of the page that precedes, from `Page.before`. */
  readonly before?: string | undefined
}

/**
 * A page, whichever of the two documented shapes the server answered in: `{ meta, results }` (OpenAPI) or
 * `{ objects | lists, paging }` (Seed).
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

  /** Whether there is a page after this one. It decides, and not `after`, which some answers have at the end too (OpenAPI). */
  get hasMore(): boolean {
    return this.paging.has_next === true || this.paging.has_more === true
  }

  /** The cursor of the next page. */
  get after(): string | undefined {
    return model.text(this.paging.after)
  }

  /** The cursor of the page before. */
  get before(): string | undefined {
    return model.text(this.paging.before)
  }

  /** How many items there are on all pages, if the server says. */
  get total(): number | undefined {
    return model.number(this.paging.count)
  }

  private get paging(): { readonly [key: string]: unknown } {
    return model.record(this.raw.meta ?? this.raw.paging)
  }
}

/**
 * Which page to get of a list that is counted instead of followed by cursors.
 *
 * @since 0.1.0
 * @category models
 */
export interface OffsetOptions {
  /** How many items at the most. */
  readonly limit?: number | undefined
  /** How many items to leave out. */
  readonly offset?: number | undefined
}

/**
 * A page of a list that is counted: `{ meta: { count, limit, offset }, results }` (OpenAPI, preference categories).
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

  /** How many items there are on all pages, if the server says. */
  get total(): number | undefined {
    return model.number(model.record(this.raw.meta).count)
  }

  /** How many items come before this page. */
  get offset(): number {
    return model.number(model.record(this.raw.meta).offset) ?? 0
  }

  /** Whether there is a page after this one. */
  get hasMore(): boolean {
    return this.total !== undefined && this.offset + this.items.length < this.total
  }
}

/**
 * Reads a page of a counted list.
 *
 * @internal
 */
export const decodeOffset = <A>(item: model.Decode<A>): model.Decode<OffsetPage<A>> => (u) =>
  Either.map(decode(["results"], item)(u), (page) => new OffsetPage(page.items, page.raw))

/**
 * Reads a page whose items stand under one of several keys.
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
 * All pages from one on, fetched as they are asked for: for those who keep a cursor to resume from.
 *
 * Ends where the server says that there is no more, or where it repeats a cursor: better a list that is short than one that
 * never ends.
 *
 * @example
 * ```ts
 * import { Effect, Ref, Stream } from "effect"
 * import * as Page from "effect-suprsend/Page"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * // Goes through all users, and remembers where to go on after a crash.
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
 * All items of {@link pages}.
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
 * All items of a counted list from an offset on, fetched as they are asked for. Ends where the server says that there is no
 * more, gives an empty page, or gives one that comes before the page that was asked for.
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

// By the offset that was asked for: a server that repeats a page, whatever is asked for, must not be asked for ever.
const goesOn = (page: OffsetPage<unknown>, asked: number): boolean =>
  page.total !== undefined && page.items.length > 0 && asked + page.items.length < page.total &&
  (model.number(model.record(page.raw.meta).offset) ?? asked) >= asked
