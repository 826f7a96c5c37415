/** `npm test`: the suites on the boards that were named, or the harness's own tests and a smoke run. */
import { isMenuName } from '../board/loader-types.ts'
import { exitStatus } from '../errors.ts'
import type { RunSummary } from '../journal/summary-schema.ts'
import { printProgress } from './progress.ts'
import { run } from './run.ts'
import { parseRunFlags, type RunFlags } from './run-options.ts'
import { defaultBoards } from './start.ts'

/** Returns the exit status. */
export async function test(flags: RunFlags, signal: AbortSignal): Promise<number> {
  const detects = flags.fault !== undefined || flags.bisectDrivers === true
  const hasMenu = isMenuName(flags.loader)
  const options = await parseRunFlags(flags, {
    boards: hasMenu ? await boardsFor(flags.kernel, signal) : defaultBoards,
    suites: hasMenu ? ['loader', 'chain'] : [detects ? 'shutdown' : 'smoke'],
  })
  if (flags.board || flags.suite || flags.loader || detects) {
    const { summary, status } = await run(options, signal)
    return flags.bisect && saysNothing(summary) ? exitStatus.lab : status
  }
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

/** Nothing failed, as nothing was tried: to a bisection that is no good kernel. */
function saysNothing({ verdict, totals }: RunSummary): boolean {
  const nothing = verdict === 'passed' && totals.proven === 0
  if (nothing) console.error("note: nothing was kexec'd, which says nothing of the kernel")
  return nothing
}

/** A bootloader's image is of one architecture, and so is the board that boots it. */
async function boardsFor(kernel: string | undefined, signal: AbortSignal): Promise<string[]> {
  if (kernel === undefined) return defaultBoards.slice(0, 1)
  const { inspectKernel } = await import('../../images/kernel-file.ts')
  const { withLocalFiles } = await import('../../images/download.ts')
  const local = await withLocalFiles({ kernel }, { progress: printProgress, signal })
  const { arch } = await inspectKernel(local.kernel)
  return [arch === 'arm64' ? 'qemu-aarch64' : 'qemu-x86_64']
}

type Counts = { passed: number; failed: number; skipped: number }

function count(summary: RunSummary): Counts {
  const verdicts = summary.boards.flatMap((board) => board.tests.map((one) => one.verdict))
  const of = (...wanted: string[]) => verdicts.filter((verdict) => wanted.includes(verdict)).length
  return { passed: of('passed'), skipped: of('skipped'), failed: verdicts.length - of('passed', 'skipped') }
}
