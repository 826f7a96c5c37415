/** The rules that make one verdict of many, and those for what a journal does not say. */
import { exitStatus } from '../errors.ts'
import type { Failure, Verdict } from './events.ts'
import type { BoardRecord, Collected } from './summary-collect.ts'

/** A red product beats everything; an interrupted run makes no claim about the lab. */
const severity: readonly Verdict[] = ['skipped', 'passed', 'error', 'interrupted', 'failed']

/** The verdict that counts of several; `skipped` where there is none. */
export function worst(verdicts: Iterable<Verdict>): Verdict {
  let result: Verdict = 'skipped'
  for (const verdict of verdicts) if (severity.indexOf(verdict) > severity.indexOf(result)) result = verdict
  return result
}

/** Whether a failure says that the product is at fault (`failed`) or something around it (`error`). */
export function classify(failure: Failure): 'failed' | 'error' {
  return failure.kind === 'kexec' || failure.kind === 'assertion' ? 'failed' : 'error'
}

/** A verdict as its failure explains it, so that every report tells the product's fault from the lab's alike. */
export function judged(verdict: Verdict, failure: Failure | null): Verdict {
  return failure && (verdict === 'failed' || verdict === 'error') ? classify(failure) : verdict
}

/** Whether the run was stopped before its end: by a person, or by a kill that left no end in the journal. */
function wasInterrupted(all: Collected): boolean {
  return all.ended === null || all.ended.verdict === 'interrupted'
}

/** Verdict and reason for something on `board` whose end (or start) the journal does not have. */
export function unfinished(
  all: Collected,
  board: BoardRecord,
  what: string,
): { verdict: Verdict; reason: string | null; failure: Failure | null } {
  if (wasInterrupted(all)) {
    const how = all.ended
      ? 'the run was interrupted'
      : 'the run ended without a word (killed, or still going on)'
    return { verdict: 'interrupted', reason: `${what}: ${how}`, failure: null }
  }
  const message = `${what} on ${board.name}: ${runnerEnd(board)}`
  return { verdict: 'error', reason: null, failure: { kind: 'lab', message, ...stderrTail(board) } }
}

function runnerEnd(board: BoardRecord): string {
  const runner = board.runners.at(-1)
  if (!runner) return 'the journal does not say why'
  return runner.exitCode === null
    ? 'the test runner was killed'
    : `the test runner ended with exit code ${runner.exitCode}`
}

const tailLines = 40

function stderrTail(board: BoardRecord): { stack?: string } {
  const text = board.runners
    .map(({ stderr }) => stderr.trimEnd())
    .filter((stderr) => stderr !== '')
    .at(-1)
  return text ? { stack: text.split('\n').slice(-tailLines).join('\n') } : {}
}

/** What is wrong with a board as a whole although none of its tests says so; null where nothing is. */
export function boardFailure(
  all: Collected,
  board: BoardRecord,
  verdicts: readonly Verdict[],
): Failure | null {
  if (board.unavailable && !wasInterrupted(all)) return board.unavailable
  if (wasInterrupted(all) || verdicts.some((verdict) => verdict === 'failed' || verdict === 'error'))
    return null
  const lastBoot = board.boots.at(-1)?.ended
  if (lastBoot && lastBoot.verdict !== 'passed')
    return lastBoot.failure ?? { kind: 'board', message: `${board.name} did not boot` }
  const crashed = board.runners.find(({ exitCode }) => exitCode !== 0)
  if (crashed)
    return {
      kind: 'lab',
      message: `the test runner of ${board.name} ended with ${crashed.exitCode === null ? 'a signal' : `exit code ${crashed.exitCode}`}, though no test failed`,
      ...stderrTail(board),
    }
  if (verdicts.length === 0)
    return { kind: 'lab', message: `nothing ran on ${board.name}: ${runnerEnd(board)}` }
  return null
}

/** Verdict and exit status of the whole run, from the boards' verdicts and the kinds of all errors; see DESIGN.md, "Commands". */
export function runVerdict(
  all: Collected,
  boards: readonly Verdict[],
  errorKinds: readonly Failure['kind'][],
): { verdict: 'passed' | 'failed' | 'error' | 'interrupted'; exitStatus: number } {
  const { ended } = all
  // Whoever pressed Ctrl-C must be able to tell that the run did not end by itself, red or green.
  if (ended?.verdict === 'interrupted') return { verdict: 'interrupted', exitStatus: exitStatus.interrupted }
  const verdicts = [...boards]
  if (wasInterrupted(all)) verdicts.push('interrupted')
  if (ended?.failure) verdicts.push(classify(ended.failure))
  if (ended && boards.length === 0) verdicts.push(ended.verdict)
  const verdict = worst(verdicts)
  if (verdict === 'skipped') return { verdict: 'passed', exitStatus: exitStatus.passed }
  if (verdict !== 'error') return { verdict, exitStatus: exitStatus[verdict] }
  const kinds = [...errorKinds, ...(ended?.failure ? [ended.failure.kind] : [])]
  // The lab is only at fault where something else than the command or a descriptor was.
  const usage = kinds.length > 0 && kinds.every((kind) => kind === 'usage')
  return { verdict, exitStatus: usage ? exitStatus.usage : exitStatus.lab }
}
