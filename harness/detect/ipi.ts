/** Who sent reschedule IPIs to whom while the old kernel ran down. */

export type IpiCount = {
  source: number
  target: number
  count: number
  /** How many of them found their target offline: it can't answer. */
  offlineCount: number
  /** How many found it idle; null where that is not known. */
  idleCount: number | null
}

/** More pairs than the audit's 64 CPUs make. */
const maxPairs = 64 * 64

/** Counts IPIs by pair; it holds a bounded number of them, whatever the console sends. */
export class IpiCounts {
  readonly #pairs = new Map<string, IpiCount>()

  add(ipi: { source: number; target: number; online: boolean | null; idle: boolean | null }): void {
    const { source, target, online, idle } = ipi
    const key = `${source} ${target}`
    if (!this.#pairs.has(key) && this.#pairs.size >= maxPairs) return
    const known = this.#pairs.get(key) ?? { source, target, count: 0, offlineCount: 0, idleCount: null }
    this.#pairs.set(key, {
      ...known,
      count: known.count + 1,
      offlineCount: known.offlineCount + Number(online === false),
      idleCount: idle === null ? known.idleCount : (known.idleCount ?? 0) + Number(idle),
    })
  }

  /** By source, then by target. */
  result(): IpiCount[] {
    return [...this.#pairs.values()].sort((a, b) => a.source - b.source || a.target - b.target)
  }
}
