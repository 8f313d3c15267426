#!/usr/bin/env node
// Only this file is loaded before it is known whether what the command line needs is there: an SDK needs none of it.
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
