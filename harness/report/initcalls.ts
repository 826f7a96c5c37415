/** What the new kernel's start spends most of its time on, from the last cycle whose kernel told. */
import type { BoardSummary, CycleSummary } from '../journal/summary-schema.ts'
import { visibleLine } from './escape.ts'
import { duration, shareText } from './format.ts'

type Call = NonNullable<NonNullable<CycleSummary['observed']>['initcalls']>['calls'][number]

export type SlowCall = Call & {
  /** Of the phase that it ran in; null where that phase was not measured. */
  share: number | null
}

export type SlowestInitcalls = {
  cycle: number
  /** How many initcalls the kernel ran. */
  count: number
  phases: Pick<CycleSummary['phases'], 'startupMs' | 'userspaceMs'>
  /** Slowest first. */
  slowest: SlowCall[]
}

const shown = 10

/** null where no kernel told. Probes run inside of initcalls, so that shares do not sum up. */
export function slowestInitcallsOf({ cycles }: Pick<BoardSummary, 'cycles'>): SlowestInitcalls | null {
  const last = cycles.findLast(({ observed }) => observed?.initcalls)
  const { initcalls } = last?.observed ?? {}
  if (!last || !initcalls) return null
  const { startupMs, userspaceMs } = last.phases
  const slowest = initcalls.calls.slice(0, shown).map((call) => {
    const phaseMs = call.phase === 'startup' ? startupMs : userspaceMs
    return { ...call, share: phaseMs ? call.us / 1e3 / phaseMs : null }
  })
  return { cycle: last.cycle, count: initcalls.count, phases: { startupMs, userspaceMs }, slowest }
}

/** `acpi_init`, `e1000_init_module [e1000e]`, `probe of 0000:00:05.0`; an error is said with it. */
export function callName({ kind, name, module, returned }: Call): string {
  const label = kind === 'probe' ? `probe of ${name}` : module === null ? name : `${name} [${module}]`
  return returned === 0 ? label : `${label} (returned ${returned})`
}

/** Lines of 80 columns for a terminal; none where no kernel told. */
export function initcallLines(board: BoardSummary): string[] {
  const found = slowestInitcallsOf(board)
  if (!found) return []
  const { count, phases, slowest } = found
  const head = `slowest of ${count} initcalls on ${visibleLine(board.name, { maxLength: 40 })}: startup ${duration(phases.startupMs)}, user space ${duration(phases.userspaceMs)}`
  return [
    head,
    ...slowest.map((call) => {
      const name = visibleLine(callName(call), { maxLength: 60 })
      const share =
        call.share === null
          ? ''
          : `${shareText(call.share)} of ${call.phase === 'startup' ? 'startup' : 'user space'}`
      return `  ${name.padEnd(40)} ${microseconds(call.us).padStart(13)}  ${share}`.trimEnd()
    }),
  ]
}

/** `1,234,567 µs`: three digits a group, so that long and short are told apart at a glance. */
export function microseconds(us: number): string {
  return `${us.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ',')} µs`
}
