/** Runs a bisection: tests its two ends, then one kernel after another, and keeps what is known in its file. */
import { dirname } from 'node:path'
import { sha256OfFile } from '../../../images/deb-store.ts'
import { BoardError, exitStatus, HarnessError, LabError, UsageError } from '../../errors.ts'
import { print } from '../print.ts'
import { run } from '../run.ts'
import { makeResultsFolder } from '../run-folder.ts'
import { parseRunFlags, type RunFlags } from '../run-options.ts'
import { imageOf } from './candidates.ts'
import { judge } from './judge.ts'
import { nextStep } from './search.ts'
import { type Bisection, type Candidate, save, type Tried } from './state.ts'
import { describe, describeCriterion, endReport, progressLine, stepLine } from './words.ts'

type SearchOptions = { json: boolean; signal: AbortSignal }

/** Lab errors in a row, after which it is the lab and not a kernel. */
const labErrorsToGiveUp = 2

/**
 * Goes on with a bisection until it ends; nothing that its file knows is tested again. Returns 0 where one kernel was found
 * and 1 where several may be it. Throws UsageError where the ends are not what they were said to be, BoardError or LabError
 * where they can't be tested, LabError where the lab broke two kernels in a row, and AbortError.
 */
export async function searchKernels(
  folder: string,
  state: Bisection,
  { json, signal }: SearchOptions,
): Promise<number> {
  makeResultsFolder(folder)
  await save(folder, state)
  const search = new Search(folder, state, signal)
  const again = `npm run bisect -- --resume --results ${dirname(folder)}`
  signal.addEventListener('abort', () => say(`what is known is kept; go on with: ${again}`), { once: true })
  say(`${folder}: ${state.candidates.length} kernels; ${describeCriterion(state.criterion)}`)
  await search.mustBe(0, 'good')
  await search.mustBe(state.candidates.length - 1, 'bad')
  for (;;) {
    const step = nextStep(state.candidates.map(({ name }) => state.tried[name]?.verdict))
    if (step.type === 'test') {
      say(progressLine(state, step))
      await search.test(step.index)
      continue
    }
    const culprits = step.type === 'found' ? [step.firstBad] : step.culprits
    const nameOf = (index: number) => state.candidates[index]!.name
    state.end = { lastGood: nameOf(step.lastGood), culprits: culprits.map(nameOf) }
    await save(folder, state)
    await print(json ? JSON.stringify(state) : endReport(state, step))
    return step.type === 'found' ? exitStatus.passed : exitStatus.failed
  }
}

class Search {
  readonly #folder: string
  readonly #state: Bisection
  readonly #signal: AbortSignal
  /** Names of the last kernels that the lab broke, without any other in between. */
  #broken: string[] = []

  constructor(folder: string, state: Bisection, signal: AbortSignal) {
    this.#folder = folder
    this.#state = state
    this.#signal = signal
  }

  /** Tests an end of the list, whose verdict is known beforehand. */
  async mustBe(index: number, wanted: 'good' | 'bad'): Promise<void> {
    const candidate = this.#state.candidates[index]!
    const { verdict, why, fault } = this.#state.tried[candidate.name] ?? (await this.test(index))
    if (verdict === wanted) return
    // Whoever mends what is wrong can go on from here.
    await this.#forget([candidate.name])
    const message = `${describe(candidate)} was to be ${wanted}, but ${verdict === 'skipped' ? 'can not be tested' : `is ${verdict}`}: ${why}`
    if (fault === 'lab') throw new LabError(message)
    if (fault === 'board')
      throw new BoardError(message, {
        hint: "A kernel that does not boot cold can be kexec'd from one that does: --old KERNEL.",
      })
    throw new UsageError(message, {
      hint: `Choose another --${wanted}, another --suite, or another way to tell: --gap DURATION, --slower SHARE.`,
    })
  }

  async test(index: number): Promise<Tried> {
    const { candidates, tried } = this.#state
    const candidate = candidates[index]!
    const result = await this.#try(candidate)
    say(stepLine(candidate, result))
    tried[candidate.name] = result
    await save(this.#folder, this.#state)
    this.#broken = result.fault === 'lab' ? [...this.#broken, candidate.name] : []
    if (this.#broken.length < labErrorsToGiveUp) return result
    await this.#forget(this.#broken)
    throw new LabError(`the lab broke the test of ${this.#broken.join(' and of ')}: ${result.why}`, {
      hint: 'Go on when it is mended: npm run bisect -- --resume',
    })
  }

  async #forget(names: readonly string[]): Promise<void> {
    for (const name of names) delete this.#state.tried[name]
    await save(this.#folder, this.#state)
  }

  async #try(candidate: Candidate): Promise<Tried> {
    const { criterion, old, candidates, tried } = this.#state
    const startedMs = performance.now()
    const durationMs = () => Math.round(performance.now() - startedMs)
    try {
      const { summary, folder } = await this.#run(candidate)
      this.#signal.throwIfAborted()
      const good = tried[candidates[0]!.name]?.phases
      const judged = judge(summary, { criterion, good, hasOld: old !== null })
      return { ...judged, run: folder, durationMs: durationMs() }
    } catch (error) {
      this.#signal.throwIfAborted()
      if (!(error instanceof HarnessError)) throw error
      // Such as a file that is no kernel, or a package that is not on the mirror any more.
      return {
        ...{ verdict: 'skipped', why: error.message, fault: error.kind },
        ...{ run: null, durationMs: durationMs(), phases: {} },
      }
    }
  }

  async #run(candidate: Candidate) {
    const { recipe, old } = this.#state
    await mustBeUnchanged(candidate)
    const flags = { ...(this.#state.flags as RunFlags), results: this.#folder }
    const options = await parseRunFlags(flags, { boards: [], suites: [] })
    const overrides = { ...options.overrides, ...(await imageOf(candidate, recipe)) }
    return await run({ ...options, overrides, old, quiet: true }, this.#signal)
  }
}

/** What is known of a kernel is known of the file as it was. */
async function mustBeUnchanged({ kernel }: Candidate): Promise<void> {
  if (!('path' in kernel)) return
  const now = await sha256OfFile(kernel.path).catch((cause) => {
    throw new UsageError(`${kernel.path}: can't be read any more`, { cause })
  })
  if (now !== kernel.sha256)
    throw new UsageError(`${kernel.path}: is another file than when the bisection began`)
}

/** Standard output has nothing but the end. */
function say(text: string): void {
  console.error(`bisect: ${text}`)
}
