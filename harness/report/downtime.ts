/** For how long a board did not answer its network, beside what the console shows of the same cycles. */
import type { BoardSummary, CycleSummary } from '../journal/summary-schema.ts'
import { isMeasured } from '../journal/summary-statistics.ts'
import type { Outage } from '../kexec/observe/downtime-record.ts'
import { summarize } from '../stats/summary.ts'
import { visibleLine } from './escape.ts'
import { duration, loaderLabel } from './format.ts'

/** Medians over the cycles of a board that were loaded alike, milliseconds; null where no cycle tells. */
export type DowntimeRow = {
  loader: string
  n: number
  pingMs: number | null
  tcpMs: number | null
  /** By how much those may be too long, at most. */
  uncertaintyMs: number | null
  /** From the old kernel's last line to the last answer, and from the new kernel's first line to the first. */
  lastAfterLastLineMs: number | null
  firstAfterFirstLineMs: number | null
  gapMs: number | null
  /** From the execute to a shell that answers, which is what the console takes for the whole. */
  totalMs: number | null
  /** The longest time without an answer, of any cycle. */
  longestSilenceMs: number | null
}

/** One for each way of loading through whose cycles the board was asked. */
export function downtimesOf({ cycles }: Pick<BoardSummary, 'cycles'>): DowntimeRow[] {
  const asked = cycles.filter((cycle) => isMeasured(cycle) && outages(cycle).some(({ ms }) => ms !== null))
  return [...Map.groupBy(asked, loaderLabel)].map(([loader, group]) => rowOf(loader, group))
}

function rowOf(loader: string, cycles: readonly CycleSummary[]): DowntimeRow {
  // ICMP says when; TCP says it only where a firewall drops ICMP.
  const firsts = cycles.map((cycle) => outages(cycle).find(({ ms }) => ms !== null)!)
  const all = cycles.flatMap(outages)
  return {
    ...{ loader, n: cycles.length },
    pingMs: median(cycles.map(({ phases }) => phases.pingDowntimeMs)),
    tcpMs: median(cycles.map(({ phases }) => phases.tcpDowntimeMs)),
    uncertaintyMs: largest(all.map(({ uncertaintyMs }) => uncertaintyMs)),
    lastAfterLastLineMs: median(firsts.map((one) => one.lastAfterLastLineMs)),
    firstAfterFirstLineMs: median(firsts.map((one) => one.firstAfterFirstLineMs)),
    gapMs: median(cycles.map(({ phases }) => phases.gapMs)),
    totalMs: median(cycles.map(({ phases }) => phases.totalMs)),
    longestSilenceMs: largest(all.map(({ longestSilenceMs }) => longestSilenceMs)),
  }
}

function outages({ downtime }: CycleSummary): Outage[] {
  return [downtime?.icmp, downtime?.tcp].filter((one) => one !== null && one !== undefined)
}

type Values = readonly (number | null | undefined)[]

function median(values: Values): number | null {
  const known = knownOf(values)
  return known.length === 0 ? null : summarize(known).median
}

function largest(values: Values): number | null {
  const known = knownOf(values)
  return known.length === 0 ? null : Math.max(...known)
}

function knownOf(values: Values): number[] {
  return values.filter((value) => typeof value === 'number')
}

/** Lines for a terminal; nothing where no board was asked over its network. */
export function downtimeLines(board: Pick<BoardSummary, 'name' | 'cycles'>): string[] {
  const name = visibleLine(board.name, { maxLength: 40 })
  return downtimesOf(board).flatMap((row) => [
    `downtime of ${name}, ${row.loader}: ${lengths(row)} (${row.n === 1 ? 'one cycle' : `medians of ${row.n}`}${row.uncertaintyMs === null ? '' : `, at most ${duration(row.uncertaintyMs)} too long`})`,
    `  ${placeOf(row)}`,
    `  execute to a shell that answers: ${duration(row.totalMs)}, of which the gap is ${duration(row.gapMs)}`,
    ...secondOutage(row),
  ])
}

function lengths({ pingMs, tcpMs }: DowntimeRow): string {
  return [
    ...(pingMs === null ? [] : [`ping ${duration(pingMs)}`]),
    ...(tcpMs === null ? [] : [`TCP ${duration(tcpMs)}`]),
  ].join(', ')
}

/** Where the outage lies: `network gone 1.20 s before the old kernel's last line, back 3.40 s after the new kernel's first`. */
export function placeOf({ lastAfterLastLineMs, firstAfterFirstLineMs }: DowntimeRow): string {
  return `network gone ${side(lastAfterLastLineMs)} the old kernel's last line, back ${side(firstAfterFirstLineMs)} the new kernel's first`
}

function side(ms: number | null): string {
  if (ms === null) return 'at a time unknown from'
  return `${duration(Math.abs(ms))} ${ms < 0 ? 'before' : 'after'}`
}

/** Silence that the kexec does not explain: the network came, went, and came back. */
function secondOutage({ longestSilenceMs, pingMs, tcpMs }: DowntimeRow): string[] {
  const told = Math.max(pingMs ?? 0, tcpMs ?? 0)
  if (longestSilenceMs === null || longestSilenceMs <= told * worthTelling) return []
  return [`  longest silence of a cycle: ${duration(longestSilenceMs)}`]
}
const worthTelling = 1.5
