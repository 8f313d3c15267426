/**
 * The error of `restore`. Part of `effect-suprsend/Sandbox`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The text is not a snapshot of this version of the sandbox. Nothing was changed.
 *
 * Pass the text that `snapshot` returned. The error says where the text is wrong, and contains none
 * of it.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidSnapshot extends Schema.TaggedError<InvalidSnapshot>("effect-suprsend/Sandbox/InvalidSnapshot")(
  "InvalidSnapshot",
  {
    /** The paths of the invalid members. */
    paths: Schema.Array(Schema.String)
  }
) {
  override get message(): string {
    const where = this.paths.filter((path) => path !== "").join(", ")
    return `Sandbox.restore: nothing was changed, because this is not a snapshot${
      where === "" ? "" : ` (${where})`
    }: ` +
      "pass the text that `snapshot` returned"
  }
}
