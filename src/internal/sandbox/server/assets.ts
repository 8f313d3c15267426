import * as Fs from "node:fs"

// The package has no such files: `.ci/build.mjs` replaces this module with one that contains them.
const read = (name: string): string => Fs.readFileSync(new URL(`page/${name}`, import.meta.url), "utf8")

/** @internal */
export const html = read("page.html")

/** @internal */
export const css = read("page.css")

/** @internal */
export const script = read("page.js")
