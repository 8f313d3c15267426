// Refuses circles: among files, and among the rooms of src/internal. Imports of types alone are none.
import madge from "madge"
import path from "node:path"
import { fileURLToPath } from "node:url"

const src = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "src")

const graph = await madge(src, {
  fileExtensions: ["ts"],
  tsConfig: path.join(src, "..", "tsconfig.json"),
  detectiveOptions: { ts: { skipTypeImports: true } }
})

/** The folder of a file in src/internal, two deep in the sandbox; public modules are in no room. */
const roomOf = (file) => {
  const [internal, room, ...rest] = file.split("/")
  if (internal !== "internal") return undefined
  return room === "sandbox" && rest.length > 1 ? `${room}/${rest[0]}` : room
}

/** The ways from a node back to it. */
const circles = (edges) => {
  const found = []
  const visited = new Set()
  const visit = (node, way) => {
    if (way.includes(node)) return found.push([...way.slice(way.indexOf(node)), node].join(" > "))
    if (visited.has(node)) return
    visited.add(node)
    for (const next of edges[node] ?? []) visit(next, [...way, node])
  }
  for (const node of Object.keys(edges)) visit(node, [])
  return found
}

const files = graph.obj()
const rooms = {}
for (const [file, imported] of Object.entries(files)) {
  const room = roomOf(file)
  for (const other of imported.map(roomOf)) {
    if (room !== undefined && other !== undefined && other !== room) (rooms[room] ??= new Set()).add(other)
  }
}

const problems = [
  ...graph.circular().map((circle) => `files: ${[...circle, circle[0]].join(" > ")}`),
  ...circles(rooms).map((circle) => `rooms: ${circle}`)
]
if (problems.length > 0) {
  console.error(`Circles of imports:\n${problems.join("\n")}`)
  process.exitCode = 1
} else {
  console.log(`${Object.keys(files).length} modules in ${Object.keys(rooms).length} rooms, without a circle`)
}
