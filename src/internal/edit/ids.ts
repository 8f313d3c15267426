import type { UserEdit } from "../../UserEdit.js"

/**
 * Returns the ids of the user and tenant of an edit, which logs and spans must not contain.
 *
 * @internal
 */
export const idsOf = ({ distinctId, tenantId }: UserEdit): ReadonlyArray<string> =>
  tenantId === undefined ? [distinctId] : [distinctId, tenantId]
