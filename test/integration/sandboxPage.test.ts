import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as Suprsend from "effect-suprsend/Suprsend"
import { addAndroidPush, addEmail, edit, set } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import { chromium } from "playwright-core"

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  Fs.existsSync(path)
)

/** A state of so many users, as a snapshot. */
const snapshotOf = (users: number): string => {
  const profile = (n: number) => ({
    distinctId: `user-${n}`,
    properties: { n },
    channels: { $email: [{ value: `user-${n}@example.com` }] },
    closed: [],
    createdAt: 0,
    updatedAt: 0
  })
  const accounts = Array.from({ length: users }, (_, n) => [
    `user-${n}`,
    { sequence: n + 1, profile: profile(n), tenants: [], preferences: [] }
  ])
  const state = { accounts, sequence: users, deliveries: [], pending: [], objects: [], lists: [] }
  return JSON.stringify({ version: 1, state: { ...state, tenants: [], categories: [] } })
}

const launched = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      chromium.launch({
        executablePath: executablePath ?? "",
        args: [
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--no-first-run",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync"
        ]
      })
    ),
    (browser) => Effect.promise(() => browser.close())
  ).pipe(Effect.flatMap((browser) =>
    Effect.promise(async () => {
      const page = await browser.newPage()
      const problems: Array<string> = []
      page.on("pageerror", (error) => problems.push(error.message))
      page.on("console", (message) => {
        if (message.type() === "error") problems.push(message.text())
      })
      await page.goto(url)
      return { page, problems }
    })
  ))

const opened = (url: string) =>
  Effect.tap(launched(url), ({ page }) => Effect.promise(() => page.getByText("Live", { exact: true }).waitFor()))

const services = Layer.unwrapEffect(Effect.map(SandboxServer.SandboxServer, ({ options }) => Suprsend.layer(options)))
  .pipe(
    Layer.provideMerge(SandboxServer.layer())
  )

describe.skipIf(executablePath === undefined)("the page, in a browser", () => {
  it.scopedLive(
    "shows users, channels and requests as they come, and nothing of their tokens",
    () =>
      Effect.gen(function*() {
        const { url } = yield* SandboxServer.SandboxServer
        const users = yield* UsersService
        const { page, problems } = yield* opened(url)
        yield* Effect.promise(() => page.getByText("No user yet").waitFor())
        yield* users.asyncEdit(
          edit("ada").pipe(addEmail("ada@example.com"), addAndroidPush("secret-token"), set("plan", "pro"))
        )
        const text = yield* Effect.promise(async () => {
          await page.getByText("email: ada@example.com").waitFor()
          await page.getByText("/event/").waitFor()
          return (await page.textContent("body")) ?? ""
        })
        expect(text).toContain("androidpush: <redacted>")
        expect(text).not.toContain("secret-token")
        expect(problems).toEqual([])
      }).pipe(Effect.provide(services)),
    60_000
  )

  it.scopedLive("takes what users are called for text", () =>
    Effect.gen(function*() {
      const { url } = yield* SandboxServer.SandboxServer
      const users = yield* UsersService
      const name = "<img src=x onerror=\"document.title='broken'\">"
      yield* users.asyncEdit(set(edit(name), "<b>", "</pre><script>document.title='broken'</script>"))
      const { page } = yield* opened(url)
      const seen = yield* Effect.promise(async () => {
        await page.getByText(name).first().waitFor()
        return { title: await page.title(), images: await page.locator("img").count() }
      })
      expect(seen).toEqual({ title: "SuprSend sandbox", images: 0 })
    }).pipe(Effect.provide(services)), 60_000)

  it.scopedLive("is used with the keyboard alone", () =>
    Effect.gen(function*() {
      const { url } = yield* SandboxServer.SandboxServer
      const users = yield* UsersService
      yield* users.bulkEdit(Array.from({ length: 300 }, (_, n) => set(edit(`user-${n}`), "number", n)))
      const { page } = yield* opened(url)
      const found = yield* Effect.promise(async () => {
        await page.getByText("user-299").waitFor()
        // The first of 300 is not among the latest, so it has to be looked for.
        const before = await page.getByText("user-7", { exact: true }).count()
        await page.keyboard.press("/")
        await page.keyboard.type("user-7\"")
        await page.getByText("user-7", { exact: true }).waitFor()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.locator("details[open] pre").waitFor()
        const focused = await page.evaluate("document.activeElement.tagName")
        return { before, focused, shown: await page.locator("details[open] pre").textContent() }
      })
      expect(found.before).toBe(0)
      expect(found.focused).toBe("SUMMARY")
      expect(found.shown).toContain("\"number\": 7")
    }).pipe(Effect.provide(services)), 60_000)

  it.scopedLive("stays usable with 100,000 users", () =>
    Effect.gen(function*() {
      const { url } = yield* SandboxServer.SandboxServer
      const { restore } = yield* Sandbox.Sandbox
      const users = yield* UsersService
      yield* restore(snapshotOf(100_000))
      const { page, problems } = yield* opened(url)
      yield* Effect.promise(() => page.getByText("100 of 100,000").waitFor())
      yield* Effect.promise(() => page.getByText("user-99999", { exact: true }).waitFor())
      // While it looks for somebody, others are served.
      yield* Effect.promise(() => page.locator("#filter").fill("user-7@example"))
      yield* users.asyncEdit(set(edit("user-7"), "plan", "pro"))
      yield* Effect.promise(async () => {
        await page.getByText("1 of 100,000").waitFor()
        await page.locator("#users summary").first().click()
        await page.getByText("\"plan\": \"pro\"").waitFor()
      })
      yield* users.asyncEdit(set(edit("user-7"), "plan", "max"))
      yield* Effect.promise(() => page.locator("#users details[open]").getByText("\"plan\": \"max\"").waitFor())
      expect(problems).toEqual([])
    }).pipe(Effect.provide(services)), 120_000)

  it.scopedLive("connects again when a place for it is free", () =>
    Effect.gen(function*() {
      const { url } = yield* SandboxServer.SandboxServer
      const controller = new AbortController()
      yield* Effect.promise(() =>
        Promise.all(
          Array.from({ length: 64 }, () => fetch(`${url}_sandbox/events`, { signal: controller.signal }))
        )
      )
      const { page } = yield* launched(url)
      yield* Effect.promise(() => page.getByText("Not connected, trying again").waitFor())
      controller.abort()
      yield* Effect.promise(() => page.getByText("Live", { exact: true }).waitFor())
    }).pipe(Effect.provide(services)), 60_000)

  it.scopedLive("leaves open what was open when something changes", () =>
    Effect.gen(function*() {
      const { url } = yield* SandboxServer.SandboxServer
      const sandbox = yield* Sandbox.Sandbox
      const users = yield* UsersService
      yield* users.asyncEdit(set(edit("ada"), "plan", "free"))
      const { page } = yield* opened(url)
      const shown = yield* Effect.promise(async () => {
        await page.setViewportSize({ width: 390, height: 800 })
        await page.locator("#users summary").first().focus()
        await page.keyboard.press("Enter")
        await page.getByText("\"plan\": \"free\"").first().waitFor()
        return true
      })
      yield* users.asyncEdit(set(edit("ada"), "plan", "pro"))
      yield* Effect.promise(() => page.locator("#users details[open]").getByText("\"plan\": \"pro\"").waitFor())
      expect([shown, (yield* sandbox.requests).length]).toEqual([true, 2])
    }).pipe(Effect.provide(services)), 60_000)
})
