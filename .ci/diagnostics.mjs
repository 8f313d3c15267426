// What the compiler has to say, when it is called from a script.
import ts from "typescript"

/** Throws what tsc would print, paths relative to `root`, followed by `message`; nothing if there are no diagnostics. */
export const failOnDiagnostics = (diagnostics, root, message = "") => {
  if (diagnostics.length === 0) return
  const text = ts.formatDiagnostics(diagnostics, {
    getCanonicalFileName: (file) => file,
    getCurrentDirectory: () => root,
    getNewLine: () => "\n"
  })
  throw new Error(`${text}\n${message}`.trimEnd())
}
