/** A function as JavaScript sees it: it can be called with anything, and what it returns is what it says. */
export const loosely = <R>(f: (...args: never) => R) => (...args: ReadonlyArray<unknown>): R =>
  Reflect.apply(f, undefined, args)
