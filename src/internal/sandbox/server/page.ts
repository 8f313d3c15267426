// The page of the sandbox, without anything from elsewhere. What users are called comes to it as text only, never as HTML.

/** @internal */
export const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>SuprSend sandbox</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/_sandbox/page.css">
</head>
<body>
<a class="skip" href="#users">Skip to the users</a>
<header>
  <h1>SuprSend sandbox</h1>
  <p id="state" role="status" aria-live="polite">Connecting</p>
  <div class="filter">
    <label for="filter">Filter</label>
    <input id="filter" type="search" placeholder="user, channel, path" autocomplete="off" aria-keyshortcuts="/">
  </div>
</header>
<main>
  <section aria-labelledby="users-title">
    <h2 id="users-title">Users <span id="users-total"></span></h2>
    <ul id="users" tabindex="-1"></ul>
  </section>
  <section aria-labelledby="requests-title">
    <h2 id="requests-title">Requests <span id="requests-total"></span></h2>
    <ul id="requests" tabindex="-1"></ul>
  </section>
</main>
<footer><kbd>/</kbd> filter <kbd>↑</kbd> <kbd>↓</kbd> move <kbd>Enter</kbd> open</footer>
<script src="/_sandbox/page.js"></script>
</body>
</html>
`

/** @internal */
export const css = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #dde2ea; --paper: #f6f7f9; --card: #fff;
  --good: #0d6b3f; --bad: #b3261e; --accent: #2456c9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa7b8; --line: #2b3442; --paper: #12161c; --card: #1a2029;
  --good: #58c98f; --bad: #ff8a80; --accent: #8ab0ff; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 8rem; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
header { display: flex; gap: .75rem 1rem; align-items: center; flex-wrap: wrap; padding: 1rem 1.5rem; background: var(--card);
  border-bottom: 1px solid var(--line); position: sticky; top: 0; }
h1 { font-size: 1.1rem; margin: 0; }
#state { margin: 0 auto 0 0; color: var(--soft); font-size: .85rem; }
.filter { display: flex; gap: .75rem; align-items: center; flex: 0 1 22rem; min-width: min(16rem, 100%); }
label { font-size: .85rem; color: var(--soft); }
input { font: inherit; padding: .35rem .6rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--paper);
  color: inherit; flex: 1; min-width: 0; }
main { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1.5rem; padding: 1.5rem; }
@media (max-width: 800px) { main { grid-template-columns: minmax(0, 1fr); } .filter { flex: 1 0 100%; } .method { width: 3rem; } }
h2 { font-size: .95rem; margin: 0 0 .5rem; }
h2 span { color: var(--soft); font-weight: normal; }
ul { list-style: none; margin: 0; padding: 0; background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  overflow: hidden; }
li + li { border-top: 1px solid var(--line); }
li.empty { padding: .75rem 1rem; color: var(--soft); }
summary { display: flex; gap: .25rem .75rem; align-items: baseline; flex-wrap: wrap; padding: .5rem 1rem; cursor: pointer; }
summary::marker { content: ""; }
.name { font-weight: 600; overflow-wrap: anywhere; }
.uri { overflow-wrap: anywhere; flex: 1; }
.method, .status, .time, pre { font-family: ui-monospace, monospace; font-size: .85rem; }
.method { width: 4rem; color: var(--soft); }
.time { color: var(--soft); }
.good { color: var(--good); } .bad { color: var(--bad); }
.channel { font-size: .8rem; color: var(--soft); border: 1px solid var(--line); border-radius: 1rem; padding: 0 .5rem;
  overflow-wrap: anywhere; }
pre { margin: 0; padding: .25rem 1rem .75rem; max-height: 20rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; color: var(--soft); }
footer { padding: 0 1.5rem 1.5rem; color: var(--soft); font-size: .85rem; }
kbd { font: inherit; border: 1px solid var(--line); border-radius: .25rem; padding: 0 .3rem; background: var(--card); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem; }
`

/** @internal */
export const script = `"use strict"
const by = (id) => document.getElementById(id)
const make = (tag, className, text) => {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}
const open = new Set()
let view = { users: { total: 0, latest: [] }, requests: { total: 0, latest: [] } }

// What is the same as before stays as it is, with what is selected in it; what is drawn anew is open if it was.
let drawn = new Map()
let next = new Map()
const item = (key, of, make) => {
  const text = JSON.stringify(of)
  const before = drawn.get(key)
  const li = before !== undefined && before.text === text ? before.li : make(of)
  next.set(key, { text, li })
  return li
}

const details = (key, parts, more) => {
  const li = document.createElement("li")
  const details = document.createElement("details")
  const summary = document.createElement("summary")
  summary.append(...parts)
  summary.dataset.key = key
  details.open = open.has(key)
  details.addEventListener("toggle", () => details.open ? open.add(key) : open.delete(key))
  const pre = make("pre", "", more)
  pre.tabIndex = 0
  details.append(summary, pre)
  li.append(details)
  return li
}

const userItem = (user) => details("user " + user.distinctId, [
  make("span", "name", user.distinctId),
  ...user.channels.flatMap(({ channel, values }) =>
    values.map((value) => make("span", "channel", channel.replace("$", "") + ": " + value)))
], user.properties)

const requestItem = (request) => details("request " + request.n, [
  make("span", "method", request.method),
  make("span", "uri", request.uri),
  make("span", "status " + (request.status !== null && request.status < 400 ? "good" : "bad"), String(request.status ?? "none")),
  make("span", "time", new Date(request.at).toLocaleTimeString())
], request.body || "no body")

const fill = (id, { latest: items, total }, keyOf, draw, none) => {
  by(id + "-total").textContent =
    (items.length === total ? "" : items.length.toLocaleString() + " of ") + total.toLocaleString()
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined
  const nothing = by("filter").value.trim() === "" ? none : "Nothing found"
  by(id).replaceChildren(...(items.length === 0 ? [make("li", "empty", nothing)] : items.map((one) => item(keyOf(one), one, draw))))
  if (focused !== undefined) {
    for (const summary of by(id).querySelectorAll("summary")) if (summary.dataset.key === focused) summary.focus({ preventScroll: true })
  }
}

const draw = () => {
  next = new Map()
  fill("users", view.users, (user) => "user " + user.distinctId, userItem, "No user yet")
  fill("requests", view.requests, (request) => "request " + request.n, requestItem, "No request yet")
  drawn = next
}

let typing
by("filter").addEventListener("input", () => {
  clearTimeout(typing)
  typing = setTimeout(connect, 150)
})
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== by("filter")) {
    event.preventDefault()
    by("filter").focus()
  }
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return
  const all = [by("filter"), ...document.querySelectorAll("summary")]
  const next = all[all.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)]
  if (next === undefined) return
  event.preventDefault()
  next.focus()
})

let events
const say = (text) => { if (by("state").textContent !== text) by("state").textContent = text }
const connect = () => {
  if (events !== undefined) events.close()
  events = new EventSource("/_sandbox/events?filter=" + encodeURIComponent(by("filter").value))
  events.addEventListener("open", () => say("Live"))
  events.addEventListener("error", () => {
    say("Disconnected, reconnecting")
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2000)
  })
  events.addEventListener("message", (event) => {
    view = JSON.parse(event.data)
    draw()
  })
}
draw()
connect()
`
