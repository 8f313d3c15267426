const maximumLength = 500

// Whatever comes, no more than this is looked at: a page of megabytes would hold up everybody else for a second.
const maximumRead = 65_536

const withheld = "<withheld, because it repeats a secret>"

// Shorter than this nothing is a secret, and taking it out would leave no message to read.
const minimumLength = 4

// The 32 bytes of an HMAC in Base64, escaped for JSON or a URL or not: servers like to repeat what does not fit.
const signature = /(?:[A-Za-z0-9+/]|\\{1,4}\/|%(?:25){0,4}2[BF]){43}(?:=|%(?:25){0,4}3D)/gi

/**
 * Takes everything secret out of a text that comes from outside, then cuts it to a readable length: half a secret is a secret
 * too.
 *
 * Servers repeat what they were sent as it is, or escaped for JSON, a URL or HTML, one inside the other. No escape touches
 * letters and digits: where those of a secret are left after the secret itself was taken out, the text is withheld whole.
 *
 * @internal
 */
export const make = (secrets: () => ReadonlyArray<string>) => (text: string): string => {
  // Most of what is said is "OK".
  if (text.length < minimumLength) return text
  // The longest first, so that a secret that holds another one goes as a whole.
  const whole = secrets().filter((secret) => secret.length >= minimumLength).sort((a, b) => b.length - a.length)
  const clean = whole
    .flatMap((secret) => [secret, inJson(secret), inUrl(secret)])
    .reduce((clean, form) => clean.replaceAll(form, "<redacted>"), text.slice(0, maximumRead))
    .replace(signature, "<redacted>")
  if (whole.some((secret) => tellingRuns(secret).some((run) => clean.includes(run)))) return withheld
  // At its end half a secret may stand, which nobody knows any more. That is far from what is shown, unless all was secrets.
  if (text.length > maximumRead && clean.length < maximumRead / 2) return withheld
  return clean.length > maximumLength ? `${clean.slice(0, maximumLength)}…` : clean
}

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)

// Half of a surrogate pair cannot be encoded, and so is not repeated either.
const inUrl = (text: string): string => encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd"))

// With a digit, or so long that it is no word: "webhook" and "services" of an address tell nothing.
const tellingRuns = (secret: string): ReadonlyArray<string> =>
  (secret.match(/[A-Za-z0-9]{6,}/g) ?? []).filter((run) => /\d/.test(run) || run.length >= 16)
