// What every contender sends: the edit of user `i`, three operations, about 366 bytes on the wire.

export const workspace = { key: "workspace-key", secret: "workspace-secret" }

export const idOf = (i: number): string => `user-${i}`

export const emailOf = (i: number): string => `user-${i}@example.com`

export const propertiesOf = (i: number) => ({ name: "Ada Lovelace", plan: "pro", cohort: i % 100 })

export const indexOf = (id: string): number => Number(id.slice("user-".length))

/** The operations as they travel: what is written by hand, and what the sink compares with. */
export const operationsOf = (i: number) => [
  { $append: { $email: emailOf(i) } },
  { $set: propertiesOf(i) },
  { $add: { logins: 1 } }
]
