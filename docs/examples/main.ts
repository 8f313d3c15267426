import { NodeRuntime } from "@effect/platform-node"
import { main } from "./sign-up.js"

NodeRuntime.runMain(main)
