import { version } from "./version.js"

/** @internal */
export interface AppInfo {
  readonly name: string
  readonly version?: string | undefined
}

/** @internal */
export interface UserAgent {
  /** The `User-Agent` header, which every asynchronous event contains too. */
  readonly header: string
  /**
   * The `X-Suprsend-Client-User-Agent` header: the same data as JSON, with the vendor's member
   * names.
   */
  readonly json: string
}

const sdk = "effect-suprsend"

// A header may contain only Latin-1 and no line breaks. Otherwise the request fails or is split.
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, "")

/** @internal */
export const make = (appInfo?: AppInfo): UserAgent => {
  const runtime = detect()
  const name = printable(appInfo?.name ?? "").trim()
  const release = printable(appInfo?.version ?? "").trim()
  const app = name === "" ? "" : ` (${name}${release === "" ? "" : `/${release}`})`
  return {
    header: `${sdk}/${version} (${runtime.lang}/${runtime.langVersion}; ${runtime.os})${app}`,
    json: printable(JSON.stringify({
      sdk,
      sdk_version: version,
      lang: runtime.lang,
      lang_version: runtime.langVersion,
      platform: "server",
      os: runtime.os,
      // Only a Node built-in provides it. The vendor's SDKs send this text if it is unknown.
      os_version: "(disabled)",
      app_info: appInfo === undefined ? null : { name: appInfo.name, version: appInfo.version ?? null }
    }))
  }
}

const detect = (): { readonly lang: string; readonly langVersion: string; readonly os: string } => {
  const process = globalThis.process
  return {
    lang: "node",
    langVersion: process?.versions?.node ?? "unknown",
    os: process?.platform ?? "unknown"
  }
}
