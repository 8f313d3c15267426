import { layer } from "@effect/vitest"
import { layerMemoryWithSqlClient } from "../../src/internal/backfill/ledger/pglite.js"
import { ledgerSuite } from "../utils/ledgerSuite.js"

layer(layerMemoryWithSqlClient, { excludeTestServices: true, timeout: "60 seconds" })(
  "over PGlite",
  ledgerSuite
)
