import type { SuprsendClient } from "../../SuprsendClient.js"
import type { UserEdit } from "../../UserEdit.js"

/**
 * The event as which an edit travels to `POST /event/`, its members in the order of the vendor's SDKs (Python
 * SDK, Node SDK). Id and time are the caller's to fix, once for all attempts.
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
