/** Which devices' shutdown takes longest, from every cycle whose shutdown was audited. */
import type { BoardSummary } from '../journal/summary-schema.ts'
import { summarize } from '../stats/summary.ts'
import { visibleLine } from './escape.ts'
import { duration, shareText } from './format.ts'

export type SlowDevice = {
  device: string
  driver: string | null
  /** Over the audited cycles. */
  medianMs: number
  maxMs: number
  /** Of all devices' shutdowns together. */
  share: number
}

export type DeviceShutdowns = {
  /** Audited cycles. */
  n: number
  /** Devices whose shutdown was timed, and the sum of their medians. */
  count: number
  sumMs: number
  /** The slowest, slowest first. */
  slowest: SlowDevice[]
}

const shown = 10

/** null where no cycle of the board was audited, or nothing was timed. */
export function deviceShutdownsOf({ cycles }: Pick<BoardSummary, 'cycles'>): DeviceShutdowns | null {
  const audited = cycles.flatMap(({ observed }) =>
    observed?.shutdown?.devices.length ? [observed.shutdown] : [],
  )
  const timed = audited.flatMap(({ devices }) =>
    devices.flatMap(({ device, driver, durationMs }) =>
      durationMs === null ? [] : [{ device, driver, durationMs }],
    ),
  )
  const groups = Map.groupBy(timed, ({ device, driver }) => JSON.stringify([device, driver]))
  const all = [...groups.values()].map((group) => {
    const { median: medianMs, max: maxMs } = summarize(group.map(({ durationMs }) => durationMs))
    return { device: group[0]!.device, driver: group[0]!.driver, medianMs, maxMs }
  })
  if (all.length === 0) return null
  const sumMs = all.reduce((sum, { medianMs }) => sum + medianMs, 0)
  const slowest = all
    .toSorted((one, other) => other.medianMs - one.medianMs)
    .slice(0, shown)
    .map((one) => ({ ...one, share: sumMs > 0 ? one.medianMs / sumMs : 0 }))
  return { n: audited.length, count: all.length, sumMs, slowest }
}

const barColumns = 24
const longestName = 24

/** Lines of 80 columns for a terminal; none where nothing was audited. */
export function deviceShutdownLines(board: BoardSummary): string[] {
  const found = deviceShutdownsOf(board)
  if (!found) return []
  const { n, count, sumMs, slowest } = found
  const cycles = n === 1 ? '' : `, median of ${n} cycles`
  const names = slowest.map(({ device, driver }) => ({
    device: visibleLine(device, { maxLength: longestName }),
    driver: visibleLine(driver ?? '-', { maxLength: longestName }),
  }))
  const width = (of: 'device' | 'driver') => Math.max(...names.map((name) => name[of].length))
  return [
    `slowest device shutdowns on ${visibleLine(board.name, { maxLength: 40 })}: ${count} devices, ${duration(sumMs)} together${cycles}`,
    ...slowest.map(({ medianMs, share }, index) => {
      const { device, driver } = names[index]!
      const bar = '█'.repeat(Math.round(share * barColumns)) || '▏'
      return `  ${device.padEnd(width('device'))}  ${driver.padEnd(width('driver'))} ${duration(medianMs).padStart(8)} ${shareText(share).padStart(7)}  ${bar}`
    }),
  ]
}
