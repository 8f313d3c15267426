import type { SuprsendClient } from "../../SuprsendClient.js"
import type { UserEdit } from "../../UserEdit.js"

/**
 * Encodes the event of an edit, for `POST /event/`.
 *
 * The members have the order of the vendor's SDKs. The caller chooses id and time, once for all
 * attempts.
 *
 * @internal
 */
export const encode = (
  edit: UserEdit,
  insertId: string,
  time: number,
  client: Pick<SuprsendClient.Service, "workspace" | "userAgent">
): string =>
  JSON.stringify({
    $schema: "2",
    $insert_id: insertId,
    $time: time,
    env: client.workspace,
    distinct_id: edit.distinctId,
    $user_operations: edit.operations,
    properties: { $ss_sdk_version: client.userAgent },
    tenant_id: edit.tenantId
  })
