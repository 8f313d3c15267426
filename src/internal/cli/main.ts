#!/usr/bin/env node
// Imports the command dynamically, because its packages are optional and may be missing.
import * as Predicate from "effect/Predicate"
import { install } from "./install.js"

import("./command.js").then(
  ({ run }) => run(process.argv),
  (error: unknown) => {
    const isMissing = Predicate.hasProperty(error, "code") && error.code === "ERR_MODULE_NOT_FOUND"
    process.stderr.write(isMissing ? install(String(error)) : `${String(error)}\n`)
    process.exitCode = 1
  }
)
