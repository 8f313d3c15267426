const members = (u: unknown): unknown => {
  if (Array.isArray(u)) return u.map(members)
  if (typeof u !== "object" || u === null) return u
  const entries = Object.entries(u).map(([key, value]) => [key, members(value)] as const)
  return { own: entries.sort(([a], [b]) => a < b ? -1 : 1) }
}

/**
 * JSON as a text in which members stand in the order of their keys: two values are the same JSON if, and only if, their texts
 * are. Only own members count, and they count whatever they are called (`toEqual` is blind for `__proto__`).
 */
export const canonical = (u: unknown): string => JSON.stringify(members(u))

/** Freezes a value and all that it holds. */
export const deepFreeze = <A>(value: A): A => {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}
