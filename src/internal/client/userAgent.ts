import { version } from "./version.js"

/** @internal */
export interface AppInfo {
  readonly name: string
  readonly version?: string | undefined
}

/** @internal */
export interface UserAgent {
  /** The `User-Agent` header, repeated inside every asynchronous event. */
  readonly header: string
  /** The `X-Suprsend-Client-User-Agent` header: the same as JSON, with the members of the vendor's SDKs. */
  readonly json: string
}

const sdk = "effect-suprsend"

// A header holds Latin-1 at most, and no line break, or the request fails (Python SDK) or is split.
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
      // Only a Node built-in knows it; the vendor's SDKs say this where they cannot find out.
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
