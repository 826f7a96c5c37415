/** What a person sees while a run goes on: a view that redraws itself on a terminal, plain lines elsewhere. */
import type { JournalEvent } from '../journal/events.ts'
import { visibleLine } from '../report/escape.ts'
import { duration } from '../report/format.ts'
import { type BoardState, cycleLabel, LiveState, timeLeftMs } from './live-state.ts'

export type LiveView = Disposable & { event(event: JournalEvent): void }

const redrawMs = 250

/** The view for standard error, so that standard output holds only results. */
export async function liveView(stream: NodeJS.WriteStream = process.stderr): Promise<LiveView> {
  return stream.isTTY && process.env.CI === undefined
    ? terminalView(stream)
    : plainView((line) => stream.write(`${line}\n`))
}

function plainView(print: (line: string) => void): LiveView {
  const state = new LiveState()
  return {
    event: (event) => {
      const board = state.event(event)
      const text = board && describe(event, board)
      if (text !== undefined) print(`${board?.board}: ${visibleLine(text)}`)
    },
    [Symbol.dispose]: () => {},
  }
}

async function terminalView(stream: NodeJS.WriteStream): Promise<LiveView> {
  // Only where there is a terminal: it takes a while to load.
  const { createLogUpdate } = await import('log-update')
  const state = new LiveState()
  const draw = createLogUpdate(stream)
  const redraw = () =>
    draw([...state.boards.values()].map((board) => stateLine(board, stream.columns)).join('\n'))
  const timer = setInterval(redraw, redrawMs)
  return {
    event: (event) => {
      const board = state.event(event)
      const text = board && describe(event, board)
      if (text !== undefined) {
        draw.clear()
        stream.write(`${board?.board}: ${visibleLine(text)}\n`)
      }
      redraw()
    },
    [Symbol.dispose]: () => {
      clearInterval(timer)
      draw.clear()
      draw.done()
    },
  }
}

function stateLine(state: BoardState, columns = 80): string {
  const nowNs = Number(process.hrtime.bigint())
  const forMs = state.sinceNs === 0 ? 0 : (nowNs - state.sinceNs) / 1e6
  const left = timeLeftMs(state, nowNs)
  const parts = [
    `${state.board}  ${cycleLabel(state)}`,
    `${state.phase} ${duration(forMs)}`,
    state.lastGapMs === undefined ? '' : `last gap ${duration(state.lastGapMs)}`,
    left === undefined ? '' : `about ${duration(left)} left`,
  ]
  return visibleLine(parts.filter(Boolean).join('  |  '), { maxLength: columns - 1 })
}

/** One event as a line of its own; undefined for those that only move the live view. */
function describe(event: JournalEvent, state: BoardState): string | undefined {
  switch (event.type) {
    case 'board-opened':
      return `${event.arch}, ${event.note}`
    case 'boot-ended':
      return event.verdict === 'passed'
        ? `${event.warm ? 'went on with' : 'booted'} ${event.kernel} ${event.warm ? 'warm' : 'cold'} in ${duration(event.durationMs)}${event.note ? `; ${event.note}` : ''}`
        : (event.failure?.message ?? 'did not boot')
    case 'cycle-ended': {
      const gap = event.phases.gapMs === undefined ? '' : `, gap ${duration(event.phases.gapMs)}`
      return `${cycleLabel(state)}: ${event.verdict}${gap}${event.failure ? `: ${event.failure.message}` : ''}`
    }
    case 'recovery':
      return `recovery by ${event.step}: ${event.outcome}`
    case 'test-ended':
      if (event.verdict === 'passed') return undefined
      return `${event.suite}, ${event.test}: ${event.verdict}: ${event.reason ?? event.failure?.message ?? ''}`
    case 'note':
      return event.text
    default:
      return undefined
  }
}
