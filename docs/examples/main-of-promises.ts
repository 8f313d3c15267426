import { ManagedRuntime } from "effect"
import * as Suprsend from "effect-suprsend/Suprsend"
import { signUp } from "./sign-up.js"

const runtime = ManagedRuntime.make(Suprsend.layerConfig())

runtime.runPromise(signUp("user-42", "ada@example.com")).finally(() => runtime.dispose())
