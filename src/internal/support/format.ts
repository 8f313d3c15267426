/**
 * Formats a whole number with thousands separators (`12,345`), in the same way for every locale.
 *
 * @internal
 */
export const count = (n: number, noun?: string): string => {
  const digits = String(Math.round(n)).replace(/\B(?=(?:\d{3})+$)/g, ",")
  return noun === undefined ? digits : `${digits} ${noun}${n === 1 ? "" : "s"}`
}

/**
 * Formats a time in seconds, rounded up: `59 s`, `2 min 5 s`, `1 h 30 min`.
 *
 * @internal
 */
export const time = (seconds: number): string => {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} min ${whole % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
