import { layer } from "@effect/vitest"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import { ledgerSuite } from "../utils/ledgerSuite.js"

layer(BackfillLedgerPGlite.layerMemory, { excludeTestServices: true, timeout: "60 seconds" })(
  "over PGlite",
  ledgerSuite
)
