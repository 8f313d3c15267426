// The page of the sandbox, in a browser. Skipped where there is none: see .ci/run.
import { describe, expect, layer } from "@effect/vitest"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as Suprsend from "effect-suprsend/Suprsend"
import { addAndroidPush, addEmail, edit, set } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import { type Browser as PlaywrightBrowser, chromium } from "playwright-core"

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  Fs.existsSync(path)
)

class Browser extends Context.Tag("test/Browser")<Browser, PlaywrightBrowser>() {
  static readonly layer = Layer.scoped(
    Browser,
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
    )
  )
}

/** Opens the page, and collects the errors that its console shows. */
const open = (url: string) =>
  Effect.gen(function*() {
    const browser = yield* Browser
    const page = yield* Effect.acquireRelease(
      Effect.promise(() => browser.newPage()),
      (page) => Effect.promise(() => page.close())
    )
    const problems: Array<string> = []
    page.on("pageerror", (error) => problems.push(error.message))
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(`${message.text()} (${message.location().url})`)
    })
    yield* Effect.promise(() => page.goto(url))
    return { page, problems }
  })

const openLive = (url: string) =>
  Effect.tap(open(url), ({ page }) => Effect.promise(() => page.getByText("Live", { exact: true }).waitFor()))

const services = Layer.fresh(
  Layer.unwrapEffect(Effect.map(SandboxServer.SandboxServer, ({ options }) => Suprsend.layer(options))).pipe(
    Layer.provideMerge(SandboxServer.layer())
  )
)

describe.skipIf(executablePath === undefined)("the page, in a browser", () => {
  layer(Browser.layer, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.scoped("shows users, channels and requests as they arrive, and no token", () =>
      Effect.gen(function*() {
        const { url } = yield* SandboxServer.SandboxServer
        const users = yield* UsersService
        const { page, problems } = yield* openLive(url)
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
      }).pipe(Effect.provide(services)), 60_000)

    it.scoped("shows HTML in ids and properties as text", () =>
      Effect.gen(function*() {
        const { url } = yield* SandboxServer.SandboxServer
        const users = yield* UsersService
        const name = "<img src=x onerror=\"document.title='broken'\">"
        yield* users.asyncEdit(set(edit(name), "<b>", "</pre><script>document.title='broken'</script>"))
        const { page } = yield* openLive(url)
        const seen = yield* Effect.promise(async () => {
          await page.getByText(name).first().waitFor()
          return { title: await page.title(), images: await page.locator("img").count() }
        })
        expect(seen).toEqual({ title: "SuprSend sandbox", images: 0 })
      }).pipe(Effect.provide(services)), 60_000)

    it.scoped("filters, moves and opens with the keyboard alone", () =>
      Effect.gen(function*() {
        const { url } = yield* SandboxServer.SandboxServer
        const users = yield* UsersService
        yield* users.bulkEdit(Array.from({ length: 300 }, (_, n) => set(edit(`user-${n}`), "number", n)))
        const { page } = yield* openLive(url)
        const found = yield* Effect.promise(async () => {
          await page.getByText("user-299").waitFor()
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
        // Only the latest 100 users are shown without a filter.
        expect(found.before).toBe(0)
        expect(found.focused).toBe("SUMMARY")
        expect(found.shown).toContain("\"number\": 7")
      }).pipe(Effect.provide(services)), 60_000)

    it.scoped("keeps open and focused what was open and focused when the user changes", () =>
      Effect.gen(function*() {
        const { url } = yield* SandboxServer.SandboxServer
        const users = yield* UsersService
        yield* users.asyncEdit(set(edit("ada"), "plan", "free"))
        const { page } = yield* openLive(url)
        yield* Effect.promise(async () => {
          await page.locator("#users summary").first().focus()
          await page.keyboard.press("Enter")
          await page.getByText("\"plan\": \"free\"").first().waitFor()
        })
        yield* users.asyncEdit(set(edit("ada"), "plan", "pro"))
        yield* Effect.promise(() => page.locator("#users details[open]").getByText("\"plan\": \"pro\"").waitFor())
        expect(yield* Effect.promise(() => page.evaluate("document.activeElement.dataset.key"))).toBe("user ada")
      }).pipe(Effect.provide(services)), 60_000)

    it.scoped("connects again after a 503", () =>
      Effect.gen(function*() {
        const { url } = yield* SandboxServer.SandboxServer
        const controller = new AbortController()
        yield* Effect.promise(() =>
          Promise.all(
            Array.from({ length: 64 }, () => fetch(`${url}_sandbox/events`, { signal: controller.signal }))
          )
        )
        const { page } = yield* open(url)
        yield* Effect.promise(() => page.getByText("Disconnected, reconnecting").waitFor())
        controller.abort()
        yield* Effect.promise(() => page.getByText("Live", { exact: true }).waitFor())
      }).pipe(Effect.provide(services)), 60_000)
  })
})
