// Random sequences of calls, made through `UsersService` over the sandbox on one side, and on a model of a few lines on the other.
import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

type Profile = { readonly [key: string]: unknown }

/** A verb, as what it does to a profile by the vendor's documents, and as what it is here. */
interface Verb {
  readonly text: string
  readonly model: (profile: Profile) => Profile
  readonly ours: (edit: UserEdit.UserEdit) => UserEdit.UserEdit
}

const without = (profile: Profile, key: string): Profile =>
  Object.fromEntries(Object.entries(profile).filter(([name]) => name !== key))

const listOf = (u: unknown): ReadonlyArray<unknown> => Array.isArray(u) ? u : []

const key = FastCheck.constantFrom("plan", "role")
const value = FastCheck.constantFrom("a", "b")

// The model.
const verb: FastCheck.Arbitrary<Verb> = FastCheck.oneof(
  FastCheck.tuple(key, value).map(([k, v]) => ({
    text: `set ${k}=${v}`,
    model: (p: Profile) => ({ ...p, [k]: v }),
    ours: UserEdit.set(k, v)
  })),
  FastCheck.tuple(key, value).map(([k, v]) => ({
    text: `setOnce ${k}=${v}`,
    model: (p: Profile) => ({ [k]: v, ...p }),
    ours: UserEdit.setOnce(k, v)
  })),
  key.map((k) => ({
    text: `unset ${k}`,
    model: (p: Profile) => without(p, k),
    ours: UserEdit.unset(k)
  })),
  FastCheck.integer({ min: -3, max: 3 }).map((n) => ({
    text: `increment visits ${n}`,
    model: (p: Profile) => ({ ...p, visits: (typeof p.visits === "number" ? p.visits : 0) + n }),
    ours: UserEdit.increment("visits", n)
  })),
  value.map((v) => ({
    text: `append tags ${v}`,
    model: (p: Profile) => ({ ...p, tags: [...listOf(p.tags), v] }),
    ours: UserEdit.append("tags", v)
  })),
  value.map((v) => ({
    text: `remove tags ${v}`,
    model: (p: Profile) => p.tags === undefined ? p : ({ ...p, tags: listOf(p.tags).filter((tag) => tag !== v) }),
    ours: UserEdit.remove("tags", v)
  }))
)

type World = ReadonlyMap<string, Profile>

/** A call: what it makes of the model, with what answer, and the call itself. */
class Command {
  constructor(
    readonly text: string,
    readonly model: (world: World) => readonly [World, string],
    readonly run: (users: UsersService.UsersService.Service) => Effect.Effect<string>
  ) {}

  [FastCheck.toStringMethod](): string {
    return this.text
  }
}

const id = FastCheck.constantFrom("ada", "eve", "joe")

const edit = FastCheck.record({ id, verbs: FastCheck.array(verb, { minLength: 1, maxLength: 3 }) })

type Edit = { readonly id: string; readonly verbs: ReadonlyArray<Verb> }

const textOf = ({ id, verbs }: Edit) => `${id}: ${verbs.map(({ text }) => text).join(", ")}`

const ours = ({ id, verbs }: Edit) => verbs.reduce((edit, verb) => verb.ours(edit), UserEdit.edit(id))

const edited = (world: World, { id, verbs }: Edit): World =>
  new Map(world).set(id, verbs.reduce((profile, verb) => verb.model(profile), world.get(id) ?? {}))

const answer = <E extends { readonly _tag: string }>(effect: Effect.Effect<unknown, E>): Effect.Effect<string> =>
  Effect.match(effect, { onSuccess: () => "done", onFailure: (error) => error._tag })

const command: FastCheck.Arbitrary<Command> = FastCheck.oneof(
  edit.map((one) =>
    new Command(`edit ${textOf(one)}`, (w) => [edited(w, one), "done"], (users) => answer(users.edit(ours(one))))
  ),
  edit.map((one) =>
    new Command(
      `asyncEdit ${textOf(one)}`,
      (w) => [edited(w, one), "done"],
      (users) => answer(users.asyncEdit(ours(one)))
    )
  ),
  FastCheck.array(edit, { maxLength: 4 }).map((all) =>
    new Command(
      `bulkEdit [${all.map(textOf).join("; ")}]`,
      (w) => [all.reduce(edited, w), `${all.length} accepted`],
      (users) => Effect.map(users.bulkEdit(all.map(ours)), ({ success }) => `${success} accepted`)
    )
  ),
  FastCheck.tuple(id, id).filter(([into, from]) => into !== from).map(([into, from]) =>
    new Command(
      `merge ${from} into ${into}`,
      (w) => {
        const [kept, lost] = [w.get(into), w.get(from)]
        if (kept === undefined || lost === undefined) return [w, "SuprsendUserNotFound"]
        const merged = new Map(w).set(into, { ...lost, ...kept })
        merged.delete(from)
        return [merged, "done"]
      },
      (users) => answer(users.merge(into, from))
    )
  ),
  id.map((id) =>
    new Command(
      `delete ${id}`,
      (w) => [new Map([...w].filter(([other]) => other !== id)), w.has(id) ? "done" : "SuprsendUserNotFound"],
      (users) => answer(users.delete(id))
    )
  ),
  FastCheck.constant(
    new Command(
      "list",
      (w) => [w, [...w.keys()].sort().join(" ")],
      (users) =>
        users.listStream({ limit: 2 }).pipe(
          Stream.runCollect,
          Effect.orDie,
          Effect.map((all) => Array.from(all, (user) => user.distinctId).sort().join(" "))
        )
    )
  )
)

const commands = FastCheck.array(command, { maxLength: 12 })

const over = (options: Sandbox.Options) =>
  UsersService.layer.pipe(
    Layer.provide(SuprsendClient.layer(Sandbox.credentials)),
    Layer.provideMerge(Sandbox.layerWith(options))
  )

/** Runs the commands on both sides, and compares what each answers, and the profiles in the end. */
const agree = (all: ReadonlyArray<Command>, options: Sandbox.Options = {}) =>
  Effect.gen(function*() {
    const users = yield* UsersService.UsersService
    const sandbox = yield* Sandbox.Sandbox
    let world: World = new Map()
    for (const { model, run, text } of all) {
      const [next, expected] = model(world)
      world = next
      expect(`${text}: ${yield* run(users)}`).toBe(`${text}: ${expected}`)
    }
    const profiles = (yield* sandbox.users).map((user) => [user.distinctId, user.properties] as const)
    expect(new Map(profiles)).toEqual(world)
  }).pipe(Effect.provide(over(options)), Effect.orDie)

describe("UsersService over the sandbox, and the model", () => {
  it.live.prop("agree after every sequence of calls", [commands], ([all]) => agree(all), {
    fastCheck: { numRuns: 300 }
  })

  it("a sandbox that does otherwise is found out, by an example that can be read", async () => {
    const found = await FastCheck.check(
      FastCheck.asyncProperty(commands, (all) => Effect.runPromise(agree(all, { appendKeepsDuplicates: false }))),
      { seed: 7, numRuns: 1_000 }
    )
    expect(found.failed).toBe(true)
    const [smallest] = found.counterexample ?? []
    const texts = (smallest ?? []).map(({ text }) => text)
    expect(texts.length).toBeLessThanOrEqual(2)
    expect(texts.join("\n")).toMatch(/append tags (\w)[^]*append tags \1/)
    expect(FastCheck.stringify(smallest)).toBe(`[${texts.join(",")}]`)
  })
})
