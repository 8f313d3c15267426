// The script of the sandbox's page. Names and addresses of users are added as text, never as HTML.

/**
 * @import { View } from "../view.js"
 */

/** @typedef {View["users"]["latest"][number]} User */
/** @typedef {View["requests"]["latest"][number]} Request */

/**
 * Returns the element of a type with an id.
 *
 * @template {HTMLElement} E
 * @param {string} id
 * @param {new () => E} type
 */
const byId = (id, type) => {
  const element = document.getElementById(id)
  if (!(element instanceof type)) throw new Error(`The page has no ${type.name} with the id ${id}`)
  return element
}

/**
 * Creates an element that contains text.
 *
 * @param {keyof HTMLElementTagNameMap} tag
 * @param {string} className
 * @param {string} text
 */
const create = (tag, className, text) => {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}

const filter = byId("filter", HTMLInputElement)

/** The keys of the items that are open. @type {Set<string>} */
const open = new Set()

/** @type {View} */
let view = { users: { total: 0, latest: [] }, requests: { total: 0, latest: [] } }

/**
 * The items of the last drawing, by key.
 *
 * An item whose data is unchanged keeps its element, and with it the selection.
 *
 * @type {Map<string, { readonly text: string, readonly li: HTMLElement }>}
 */
let drawn = new Map()

/**
 * Creates a list item that opens to show more.
 *
 * @param {string} key
 * @param {ReadonlyArray<Node>} parts
 * @param {string} more
 */
const details = (key, parts, more) => {
  const details = document.createElement("details")
  details.open = open.has(key)
  details.addEventListener("toggle", () => details.open ? open.add(key) : open.delete(key))
  const summary = document.createElement("summary")
  summary.append(...parts)
  summary.dataset["key"] = key
  const pre = create("pre", "", more)
  pre.tabIndex = 0
  details.append(summary, pre)
  const li = document.createElement("li")
  li.append(details)
  return li
}

/** @param {User} user */
const userKey = ({ distinctId }) => `user ${distinctId}`

/** @param {User} user */
const userItem = (user) =>
  details(userKey(user), [
    create("span", "name", user.distinctId),
    ...user.channels.flatMap(({ channel, values }) =>
      values.map((value) => create("span", "channel", `${channel.replace("$", "")}: ${value}`))
    )
  ], user.properties)

/** @param {Request} request */
const requestKey = ({ n }) => `request ${n}`

/** @param {Request} request */
const requestItem = (request) =>
  details(requestKey(request), [
    create("span", "method", request.method),
    create("span", "uri", request.uri),
    create(
      "span",
      `status ${request.status !== null && request.status < 400 ? "good" : "bad"}`,
      String(request.status ?? "none")
    ),
    create("span", "time", new Date(request.at).toLocaleTimeString())
  ], request.body || "no body")

/**
 * Draws a list, and restores the focus.
 *
 * @template A
 * @param {"users" | "requests"} id
 * @param {{ readonly total: number, readonly latest: ReadonlyArray<A> }} items
 * @param {typeof drawn} next The items of this drawing.
 * @param {(item: A) => string} keyOf
 * @param {(item: A) => HTMLElement} toItem
 * @param {string} none
 */
const drawList = (id, { latest, total }, next, keyOf, toItem, none) => {
  byId(`${id}-total`, HTMLElement).textContent =
    (latest.length === total ? "" : `${latest.length.toLocaleString()} of `) +
    total.toLocaleString()
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["key"] : undefined
  const list = byId(id, HTMLElement)
  list.replaceChildren(...latest.map((item) => {
    const key = keyOf(item)
    const text = JSON.stringify(item)
    const before = drawn.get(key)
    const li = before !== undefined && before.text === text ? before.li : toItem(item)
    next.set(key, { text, li })
    return li
  }))
  if (latest.length === 0) list.append(create("li", "empty", filter.value.trim() === "" ? none : "Nothing found"))
  if (focused === undefined) return
  for (const summary of list.querySelectorAll("summary")) {
    if (summary.dataset["key"] === focused) summary.focus({ preventScroll: true })
  }
}

const draw = () => {
  /** @type {typeof drawn} */
  const next = new Map()
  drawList("users", view.users, next, userKey, userItem, "No user yet")
  drawList("requests", view.requests, next, requestKey, requestItem, "No request yet")
  drawn = next
}

const state = byId("state", HTMLElement)

/** @param {string} text */
const showState = (text) => {
  // A status region is announced each time it is set.
  if (state.textContent !== text) state.textContent = text
}

/** @type {EventSource | undefined} */
let source

const connect = () => {
  source?.close()
  const events = new EventSource(`/_sandbox/events?filter=${encodeURIComponent(filter.value)}`)
  source = events
  events.addEventListener("open", () => showState("Live"))
  events.addEventListener("error", () => {
    showState("Disconnected, reconnecting")
    // The browser does not reconnect after a status such as 503.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2000)
  })
  events.addEventListener("message", (event) => {
    view = JSON.parse(event.data)
    draw()
  })
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing

filter.addEventListener("input", () => {
  clearTimeout(typing)
  typing = setTimeout(connect, 150)
})

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== filter) {
    event.preventDefault()
    filter.focus()
  }
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return
  const all = [filter, ...document.querySelectorAll("summary")]
  const index = all.findIndex((element) => element === document.activeElement)
  const next = all[index + (event.key === "ArrowDown" ? 1 : -1)]
  if (next === undefined) return
  event.preventDefault()
  next.focus()
})

draw()
connect()
