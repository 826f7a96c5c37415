/** `npm test`: the suites on the boards that were named, or the harness's own tests and a smoke run. */
import { exitStatus } from '../errors.ts'
import type { RunSummary } from '../journal/summary-schema.ts'
import { run } from './run.ts'
import { parseRunFlags, type RunFlags } from './run-options.ts'
import { defaultBoards } from './start.ts'

/** Returns the exit status. */
export async function test(flags: RunFlags, signal: AbortSignal): Promise<number> {
  const detects = flags.fault !== undefined || flags.bisectDrivers === true
  const options = await parseRunFlags(flags, {
    boards: defaultBoards,
    suites: [detects ? 'shutdown' : 'smoke'],
  })
  if (flags.board || flags.suite || detects) return (await run(options, signal)).status
  // With --json standard output holds nothing but the summary.
  const say = (line: string) => (options.json ? console.error(line) : console.log(line))
  const { runSelfTests } = await import('./self-tests.ts')
  const own = await runSelfTests(options.results, signal, say)
  signal.throwIfAborted()
  const { summary, status } = await run(options, signal)
  const boards = count(summary)
  say(
    `${own.passed + boards.passed} passed, ${own.failed + boards.failed} failed, ${own.skipped + boards.skipped} skipped`,
  )
  return own.failed > 0 ? exitStatus.failed : status
}

type Counts = { passed: number; failed: number; skipped: number }

function count(summary: RunSummary): Counts {
  const verdicts = summary.boards.flatMap((board) => board.tests.map((one) => one.verdict))
  const of = (...wanted: string[]) => verdicts.filter((verdict) => wanted.includes(verdict)).length
  return { passed: of('passed'), skipped: of('skipped'), failed: verdicts.length - of('passed', 'skipped') }
}
