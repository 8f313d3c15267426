#!/usr/bin/env node
// Imports the command dynamically, because its packages are optional and may be missing.
import { install, isMissing } from "./install.js"

import("./command.js").then(
  ({ run }) => run(process.argv),
  (error: unknown) => {
    process.stderr.write(isMissing(error) ? install(String(error)) : `${String(error)}\n`)
    process.exitCode = 1
  }
)
