import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { JournalEvent } from '../journal/events.ts'
import { passedRun } from '../journal/summary-runs-fixture.ts'
import { followJournal } from './follow.ts'
import { cycleLabel, LiveState, timeLeftMs } from './live-state.ts'

const second = 1e9

function play(events: Partial<JournalEvent>[]): LiveState {
  const state = new LiveState()
  for (const event of events) state.event({ board: 'juno', ...event } as JournalEvent)
  return state
}

const started = {
  type: 'cycle-started',
  suite: 'timing',
  test: 'a',
  loader: 'kexec-tools',
  syscall: 'kexec_load',
  checks: true,
  iterations: 5,
} as const

test('a board shows the phase that its last event began, and since when', (t) => {
  const state = play([
    { type: 'boot-started', t: 1 * second },
    { type: 'boot-ended', verdict: 'passed', t: 9 * second },
    { ...started, iteration: 2, t: 10 * second },
    { type: 'mark', name: 'last-old-line', t: 12 * second },
  ])
  const board = state.boards.get('juno')!
  t.is(board.phase, 'in the gap')
  t.is(board.sinceNs, 12 * second)
  t.is(cycleLabel(board), 'timing kexec_load 2/5')
})

test('the time left is told from the cycles that are through', (t) => {
  const events: Partial<JournalEvent>[] = [{ type: 'test-started', suite: 'timing', test: 'a', t: 0 }]
  t.is(timeLeftMs(play([...events, { ...started, iteration: 1, t: 0 }]).boards.get('juno')!, 0), undefined)
  events.push(
    { ...started, iteration: 1, t: 0 },
    { type: 'cycle-ended', verdict: 'passed', phases: { gapMs: 120 }, t: 10 * second },
  )
  events.push(
    { ...started, iteration: 2, t: 10 * second },
    { type: 'cycle-ended', verdict: 'passed', phases: {}, t: 30 * second },
  )
  const board = play(events).boards.get('juno')!
  t.is(timeLeftMs(board, 30 * second), 3 * 15_000)
  t.is(
    timeLeftMs(
      play([...events, { ...started, iteration: 3, t: 30 * second }]).boards.get('juno')!,
      35 * second,
    ),
    3 * 15_000 - 5_000,
  )
  t.is(
    timeLeftMs(
      play([...events, { ...started, iteration: 3, t: 30 * second }]).boards.get('juno')!,
      90 * second,
    ),
    undefined,
  )
  t.is(board.lastGapMs, 120)
})

test('a journal is followed while it grows, torn lines and all, to the last event', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'follow-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'journal.jsonl')
  const events: JournalEvent[] = JSON.parse(JSON.stringify(passedRun()))
  const text = `${events.map((event) => JSON.stringify(event)).join('\n{"torn\n')}\n`
  appendFileSync(file, '')
  const seen: JournalEvent[] = []
  const written = (async () => {
    for (let at = 0; at < text.length; at += 997) {
      appendFileSync(file, text.slice(at, at + 997))
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  await followJournal(file, (event) => seen.push(event), written)
  t.deepEqual(seen, events)
})
