/** What each board does right now, as the journal tells it. */

import type { CycleStarted, JournalEvent } from '../journal/events.ts'
import { loaderLabel } from '../report/format.ts'

/** What a board does, for one line of the live view. */
export type BoardState = {
  board: string
  suite: string
  /** The part of a cycle or boot that is going on. */
  phase: string
  /** Since when, monotonic nanoseconds. */
  sinceNs: number
  cycle: CycleStarted | undefined
  lastGapMs: number | undefined
  /** Length of past cycles of the current test, for the time left. */
  cycleMs: number[]
}

const phaseAfterMark = {
  chosen: 'booting an entry',
  load: 'loading',
  loaded: 'loaded',
  exec: 'shutting down',
  'last-old-line': 'in the gap',
  'first-new-line': 'starting',
  init: 'in user space',
  ready: 'ready',
} as const

export class LiveState {
  readonly boards = new Map<string, BoardState>()

  /** Takes in the next event; returns the board that it changed. */
  event(event: JournalEvent): BoardState | undefined {
    if (!('board' in event) || event.board === null) return undefined
    const state = this.#board(event.board)
    const phase = this.#phase(event, state)
    if (phase !== undefined) {
      state.phase = phase
      state.sinceNs = event.t
    }
    return state
  }

  #phase(event: JournalEvent, state: BoardState): string | undefined {
    switch (event.type) {
      case 'boot-started':
        return 'booting'
      case 'boot-ended':
        return event.verdict === 'passed' ? 'ready' : 'not booted'
      case 'test-started':
        state.suite = event.suite
        state.cycleMs = []
        return undefined
      case 'cycle-started':
        state.cycle = event
        return 'preparing'
      case 'mark':
        return phaseAfterMark[event.name]
      case 'cycle-ended':
        state.lastGapMs = event.phases.gapMs ?? state.lastGapMs
        if (state.cycle) state.cycleMs.push((event.t - state.cycle.t) / 1e6)
        return event.verdict
      case 'board-unavailable':
        return 'unavailable'
      case 'runner-ended':
        return 'done'
      default:
        return undefined
    }
  }

  #board(board: string): BoardState {
    let state = this.boards.get(board)
    if (!state) {
      state = {
        board,
        suite: '',
        phase: 'starting',
        sinceNs: 0,
        cycle: undefined,
        lastGapMs: undefined,
        cycleMs: [],
      }
      this.boards.set(board, state)
    }
    return state
  }
}

/** Milliseconds until the current test's cycles are through, judged by those that were; undefined where none was or none is left. */
export function timeLeftMs({ cycle, cycleMs }: BoardState, nowNs: number): number | undefined {
  if (!cycle || cycleMs.length === 0) return undefined
  const mean = cycleMs.reduce((sum, ms) => sum + ms, 0) / cycleMs.length
  const spentMs = cycle.iteration > cycleMs.length ? (nowNs - cycle.t) / 1e6 : 0
  const left = mean * (cycle.iterations - cycleMs.length) - spentMs
  return left > 0 ? left : undefined
}

/** The cycle in a few words: `timing kexec_load 2/5`, with what a control cycle differs in. */
export function cycleLabel({ suite, cycle }: BoardState): string {
  if (!cycle) return suite
  const count = cycle.iterations > 1 ? ` ${cycle.iteration}/${cycle.iterations}` : ''
  const condition = cycle.condition === undefined ? '' : `, ${cycle.condition}`
  return `${cycle.suite} ${loaderLabel(cycle)}${condition}${count}`
}
