/** Numbers as a person reads them. */

/** Milliseconds for a reader: `0.4 ms`, `124 ms`, `10.4 s`, `2 min 3 s`; a dash where there is no value. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '-'
  if (ms < 9.95) return `${ms.toFixed(1)} ms`
  if (ms < 999.5) return `${ms.toFixed(0)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** A difference of two durations, with its sign: `+300 ms`, `-1.20 s`. */
export function difference(ms: number): string {
  return `${ms < 0 ? '-' : '+'}${duration(Math.abs(ms))}`
}

/** A ratio or rate with about three significant digits. */
export function number(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return value.toFixed(0)
  return Number(value.toPrecision(3)).toString()
}

export function percent(rate: number): string {
  return `${number(rate * 100)} %`
}

/** A p value, which nobody needs beyond its fourth digit. */
export function probability(p: number): string {
  return p < 0.0001 ? '< 0.0001' : p.toFixed(4)
}
