/** A client that is connected, with nothing sent yet. */
export interface Session {
  /** Edits users 0 to `users` in bulk. */
  readonly bulk?: (users: number, concurrency: number) => Promise<void>
  /** Edits users `from` to `to` one request each, by callers that each wait for their answer before the next. */
  readonly single?: (from: number, to: number, concurrency: number) => Promise<void>
  /** Edits users 0 to `users`, all at once, one call each. */
  readonly together?: (users: number) => Promise<void>
  /** Numbers of the last run that its own process cannot know. */
  readonly measured?: () => Readonly<Record<string, number>>
  readonly close: () => Promise<void>
}

/** Building edits, without sending them. What is returned depends on what was built, or it would not be built. */
export interface Builder {
  /** An edit of three verbs. */
  readonly build: (id: string) => number
  /** An edit of that many verbs. */
  readonly chain: (verbs: number) => number
  /** An edit of one verb, with a value of four lists and records. */
  readonly nested?: (id: string) => number
}

/** Calls `one` for each index, by so many callers. */
export const callers = async (
  from: number,
  to: number,
  concurrency: number,
  one: (i: number) => Promise<void>
): Promise<void> => {
  let next = from
  const caller = async () => {
    while (next < to) await one(next++)
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
}
