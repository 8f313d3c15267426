import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type * as Backfill from "../../Backfill.js"
import type { BackfillLedger } from "../../BackfillLedger.js"
import { printable } from "../support/printable.js"
import { CommandError } from "./commandError.js"
import { installLedger, isMissing, type ledgerPackages } from "./install.js"

/**
 * The options that say where the ledger is.
 *
 * @internal
 */
export interface Where {
  readonly database: Option.Option<Redacted.Redacted>
  readonly directory: Option.Option<string>
}

/**
 * The functions of backfills, whose module needs packages that may be missing.
 *
 * @internal
 */
export type Backfills = typeof Backfill

const failed = (message: string) => new CommandError({ message: printable(message) })

const load = <A>(ledger: keyof typeof ledgerPackages, module: () => Promise<A>) =>
  Effect.tryPromise({
    try: module,
    catch: (error) =>
      isMissing(error) ? new CommandError({ message: installLedger(ledger, String(error)) }) : failed(String(error))
  })

/** The message of an error and of its cause. An address with several IP addresses has no message. */
const describe = (error: unknown): string => {
  const cause = Predicate.hasProperty(error, "cause") ? error.cause : undefined
  if (Predicate.isNotNullable(cause)) return describe(cause)
  const code = Predicate.hasProperty(error, "code") ? String(error.code) : "no reason given"
  return error instanceof Error ? error.message || code : String(error)
}

const example = "such as postgres://user:password@host:5432/database"

const inDatabase = (secret: Redacted.Redacted) =>
  Effect.gen(function*() {
    const text = Redacted.value(secret)
    // The parser of the client quotes an invalid URL, with its password.
    if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) {
      return yield* failed(`the database must be a URL ${example}`)
    }
    const [BackfillLedger, PgClient, SqlClient] = yield* load("database", () =>
      Promise.all([
        import("../../BackfillLedger.js"),
        import("@effect/sql-pg/PgClient"),
        import("@effect/sql/SqlClient")
      ]))
    const { host, pathname } = new URL(text)
    const unusable = (error: unknown) => failed(`cannot use the database ${host}${pathname}: ${describe(error)}`)
    const client = yield* Layer.build(PgClient.layer({
      url: secret,
      applicationName: "effect-suprsend",
      connectTimeout: "10 seconds",
      maxConnections: 2
    })).pipe(
      Effect.mapError(unusable),
      // A file named by the URL, such as a certificate, is read by a constructor.
      Effect.catchAllDefect((defect) => Effect.fail(unusable(defect)))
    )
    // The layer would create the tables in a wrong database.
    const rows = yield* Effect.flatMap(
      SqlClient.SqlClient,
      (sql) => sql<{ found: boolean }>`SELECT to_regclass('suprsend_backfill_job') IS NOT NULL AS found`
    ).pipe(Effect.provide(client), Effect.mapError(unusable))
    if (rows[0]?.found !== true) {
      return yield* failed(
        `the database ${host}${pathname} has no ledger of backfills in its search_path: check the URL, or run a backfill`
      )
    }
    return Layer.provide(BackfillLedger.layer, Layer.succeedContext(client))
  })

const inDirectory = (directory: string) =>
  Effect.gen(function*() {
    // The layer would create a database in a wrong directory.
    if (!Fs.existsSync(Path.join(directory, "PG_VERSION"))) {
      return yield* failed(`${directory} holds no ledger of backfills: check the path, or run a backfill`)
    }
    const BackfillLedgerPGlite = yield* load("directory", () => import("../../BackfillLedgerPGlite.js"))
    return BackfillLedgerPGlite.layer({ directory })
  })

const environment = Config.option(Config.redacted("DATABASE_URL")).pipe(
  Config.map(Option.filter((url) => Redacted.value(url) !== ""))
)

const find = ({ database, directory }: Where) =>
  Effect.gen(function*() {
    if (Option.isSome(database) && Option.isSome(directory)) {
      return yield* failed("name a --database or a --directory, not both")
    }
    if (Option.isSome(directory)) return yield* inDirectory(directory.value)
    const url = Option.isSome(database) ? database : yield* Effect.orDie(environment)
    if (Option.isSome(url)) return yield* inDatabase(url.value)
    return yield* failed(
      `say where the ledger is: --directory <path>, or --database <url>, ${example}, or DATABASE_URL`
    )
  })

/**
 * Opens the ledger, and closes it at the end. Every error is a message for the user.
 *
 * @internal
 */
export const withLedger = <A, E extends { readonly message: string }, R>(
  where: Where,
  use: (backfills: Backfills) => Effect.Effect<A, E, R>
): Effect.Effect<A, CommandError, Exclude<R, BackfillLedger>> =>
  Effect.gen(function*() {
    const ledger = yield* find(where)
    // Its packages are there, because the ledger has been loaded.
    const backfills = yield* Effect.promise(() => import("../../Backfill.js"))
    return yield* Effect.provide(use(backfills), ledger)
  }).pipe(
    Effect.scoped,
    Effect.mapError((error) => error instanceof CommandError ? error : failed(error.message))
  )
